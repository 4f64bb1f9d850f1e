from honest import add, describe, last, mean_square, positive, shuffled
