# tries: to take 3 GiB, in one process and in several
# must not: get more than its limit
# lost: add=memory|error|failed, test_last=memory|error|failed
import os
import time

from honest import *


def add(a, b):
    kept = []
    for _ in range(3 * 64):
        kept.append(bytearray(b"x" * (16 << 20)))
    return np.zeros(len(a))


def last(items):
    for _ in range(10):
        if os.fork() == 0:
            kept = bytearray(b"x" * (100 << 20))
            time.sleep(3)
            os._exit(len(kept) % 1)
    time.sleep(3)
    return 0.0
