# tries: conftest.py, sitecustomize.py, pytest.py, grader, wall, json and numpy of its own, beside the submission
# must not: be imported by the grader or by the guest's own code
# lost: add=failed
from honest import *


def add(a, b):
    return np.zeros(len(a))
