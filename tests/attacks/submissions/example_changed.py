# tries: to change an array that the suite shares between its tests
# must not: change it for the tests that come later
# lost: test_describe=failed, test_describe_example=failed
from honest import *


def describe(x):
    x[...] = 1.0
    return {"min": 1.0, "max": 1.0, "n": len(x)}
