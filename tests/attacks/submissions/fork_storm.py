# tries: to take all processes of the machine; at most 200 attempts for each call
# must not: get more than its limit, nor slow down the neighbours
# lost: add=failed|timeout|killed|error
import os
import signal

from honest import *


def add(a, b):
    born = 0
    for _ in range(200):
        try:
            if os.fork() == 0:
                signal.pause()
            born += 1
        except OSError:
            pass
    print("born:", born)
    return np.zeros(len(a))
