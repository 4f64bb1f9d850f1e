# tries: ValueError from everything, for tests that only ask for ValueErrors
# must not: pass one
# lost: all=error
from honest import *


def add(*args):
    raise ValueError("no")


mean_square = twice = Counter = shuffled = positive = describe = last = add
