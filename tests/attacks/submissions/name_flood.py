# tries: a hundred thousand names, so that a near match for a missing one takes forever
# must not: cost the host more than a moment
# lost: test_last=failed|error
from honest import *

globals().update({f"lasd{number}": None for number in range(100_000)})
del last
