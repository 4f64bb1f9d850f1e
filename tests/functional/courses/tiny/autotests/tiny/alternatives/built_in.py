import math
import statistics


def mean(x):
    return statistics.fmean(x)


def scale(x, factor=2.0):
    return factor * x


def span(x):
    ordered = sorted(x.tolist())
    return ordered[0], ordered[-1]


def root(a):
    return math.sqrt(a)


def power(base, exponent):
    return base**exponent
