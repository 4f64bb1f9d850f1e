# tries: SystemExit, KeyboardInterrupt and GeneratorExit, which end a test run that lets them through
# must not: end the grader, nor count as passed
# lost: add=error, test_mean_square=error, test_last=error
from honest import *


def add(a, b):
    raise SystemExit(0)


def mean_square(y, p):
    raise KeyboardInterrupt


def last(items):
    raise GeneratorExit
