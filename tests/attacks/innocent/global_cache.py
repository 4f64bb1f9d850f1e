# Global state: a cache and a counter.
import functools

from honest import *

CACHE, CALLS = {}, 0


def positive(x):
    global CALLS
    CALLS += 1
    if not x > 0:
        raise ValueError(x)
    return CACHE.setdefault(x, x)


@functools.lru_cache
def factor(n):
    return 1.0 / n


def mean_square(y, p):
    return float(((y - p) ** 2).sum()) * factor(len(y))
