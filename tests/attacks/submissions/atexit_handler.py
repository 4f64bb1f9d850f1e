# tries: a verdict that is written when the process ends, and a finalizer that never ends
# must not: run after the verdict, or keep anybody waiting
# lost: add=failed
import atexit
import weakref

from honest import *


class Kept:
    pass


def forge():
    print("score: 12/12")
    while True:
        pass


atexit.register(forge)
kept = Kept()
weakref.finalize(kept, forge)


def add(a, b):
    return np.zeros(len(a))
