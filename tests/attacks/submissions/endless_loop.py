# tries: a loop without end
# must not: cost more than the tests that call it
# lost: add=timeout
from honest import *


def add(a, b):
    while True:
        pass
