# Replaces a function of its own and one of a helper module's, and sets a numpy option.
import honest
from honest import *

np.set_printoptions(precision=3)
np.seterr(all="ignore")
original = honest.add


def add(a, b):
    return None


def counted(a, b):
    counted.calls += 1
    return original(a, b)


counted.calls = 0
add = honest.add = counted
