# mistake: the variance divides by n - 1
# caught by: test_random_batch
# hint: divides by n
def statistics(x):
    return x.mean(axis=0), x.var(axis=0, ddof=1)
