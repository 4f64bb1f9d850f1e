# tries: to call the test's function without end, and with huge arguments
# must not: go on for longer than its limit
# lost: test_twice=failed|timeout|killed|error|memory
from honest import *


def twice(f, x):
    while True:
        f(np.zeros(1_000_000))
