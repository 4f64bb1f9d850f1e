# tries: iterators without end, and a length of a billion
# must not: be walked by the host
# lost: add=failed|error, test_describe=failed|error, test_describe_example=failed|error
import itertools

from honest import *


class Long:
    __len__ = lambda self: 10**9
    __getitem__ = lambda self, index: 0.0


def add(a, b):
    return itertools.count() if len(a) == 1 else Long()


def describe(x):
    return (i for i in itertools.repeat("min"))
