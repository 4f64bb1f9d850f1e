# tries: an answer of 200 MB, and text of 100 MB
# must not: reach the host
# lost: add=failed|error|memory
from honest import *


def add(a, b):
    return np.zeros(25_000_000) if len(a) < 5 else "x" * 100_000_000
