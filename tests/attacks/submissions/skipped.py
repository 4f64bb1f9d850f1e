# tries: pytest's own outcomes: skip, xfail, exit; and classes that are called like them
# must not: make a test count as anything but an error
# lost: add=error, test_mean_square=error, test_last=error
from honest import *


class Skipped(BaseException):
    __module__ = "_pytest.outcomes"
    __qualname__ = "Skipped"
    allow_module_level = True
    msg = "skipped"


def add(a, b):
    import pytest

    pytest.skip("not today")


def mean_square(y, p):
    raise Skipped


def last(items):
    import pytest

    pytest.exit("done", returncode=0)
