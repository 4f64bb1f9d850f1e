# Works on copies in place, and shuffles with the generator that it was given, more often than needed afterwards.
from honest import *


def add(a, b):
    a = a.copy()
    a += b
    return a


def shuffled(items, rng):
    result = [items[i] for i in rng.permutation(len(items))]
    rng.random(1000)
    rng.integers(0, 10, 3, dtype=np.int32)
    return result
