# tries: builtins that make every comparison true and no assertion raise
# must not: reach the process that judges; at most its own guest suffers
# lost: add=failed|error|killed, test_counter=passed|failed|error|killed, test_describe=passed|failed|error|killed
import builtins

from honest import *


class Quiet(Exception):
    pass


def add(a, b):
    builtins.all = builtins.any = builtins.isinstance = lambda *args, **kwargs: True
    builtins.abs = lambda value: 0
    builtins.AssertionError = Quiet
    return np.zeros(len(a))
