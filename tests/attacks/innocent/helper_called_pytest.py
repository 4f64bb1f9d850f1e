# Helpers with names that sound like a test framework's.
import honest
from honest import *


def pytest_add(a, b):
    return honest.add(a, b)


def test_add():
    assert add(np.ones(1), np.ones(1))[0] == 2


class grader:
    score = 0


add = pytest_add
