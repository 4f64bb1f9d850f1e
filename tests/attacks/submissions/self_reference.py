# tries: values that hold themselves
# must not: be walked forever on either side
# lost: add=failed, test_describe=failed, test_describe_example=failed
from honest import *


def add(a, b):
    value = [1.0]
    value.append(value)
    return value


def describe(x):
    value = {"min": 0.0, "n": 9}
    value["max"] = value
    return value
