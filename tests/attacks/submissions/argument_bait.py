# tries: to set its arguments to zero, so that a test that computes its expectation afterwards expects zeros
# must not: pass such a test; changes show only where a test watches for them
# lost: add=failed
from honest import *


def add(a, b):
    a[...] = 0
    b[...] = 0
    return a + b
