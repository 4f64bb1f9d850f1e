# tries: to leave something for the next student: files, patched modules, modules in sys.modules, shared memory
# must not: be found by innocent/finds_nothing.py, or by anybody
# lost: add=failed
import os
import sys

from honest import *

np.planted = np.random.planted = True
sys.modules["planted"] = sys
np.sum = np.mean = lambda *args, **kwargs: 42.0
for path in ("/tmp/planted", "/dev/shm/planted", "/tmp/sitecustomize.py", "../planted.py"):
    try:
        with open(path, "w") as file:
            file.write("raise SystemExit")
    except OSError:
        pass
os.environ["PLANTED"] = "1"


def add(a, b):
    return np.zeros(len(a))


def mean_square(y, p):
    return float(((y - p) ** 2).sum() / len(y))
