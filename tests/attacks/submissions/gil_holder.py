# tries: work inside one C call, where no signal handler and no other thread of Python's runs
# must not: outlive its limit
# lost: add=timeout, test_last=timeout
import re

from honest import *


def add(a, b):
    return pow(7, 10**8)


def last(items):
    return re.match(r"(a+)+$", "a" * 60 + "b")
