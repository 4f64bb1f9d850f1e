# tries: lists nested 100,000 deep, which overflow whoever walks them
# must not: overflow the host
# lost: add=failed|killed|error
from honest import *


def add(a, b):
    value = []
    for _ in range(100_000):
        value = [value]
    return value
