# mistake: the mean divides by the largest entry
# caught by: test_mean_example
# hint: how many there are
import numpy as np


def mean(x):
    return float(np.sum(x) / np.max(x))
