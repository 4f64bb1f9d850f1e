# Sums in threads, with a pool that lives on.
from concurrent.futures import ThreadPoolExecutor

from honest import *

POOL = ThreadPoolExecutor(3)


def add(a, b):
    return np.array(list(POOL.map(lambda pair: pair[0] + pair[1], zip(a, b))))
