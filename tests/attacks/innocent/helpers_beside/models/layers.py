from honest import Counter, twice
