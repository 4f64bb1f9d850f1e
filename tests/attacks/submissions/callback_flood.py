# tries: to call the test's function without end, and with huge arguments
# must not: go on for longer than its limit, nor fill the memory of the test, which keeps what it is called with
# lost: test_twice=failed|timeout|killed|error|memory
from honest import *


def twice(f, x):
    while True:
        f(np.zeros(1_000_000))
