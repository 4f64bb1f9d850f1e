# tries: to walk the stack for the caller's expected values
# must not: find anything of the test there
# lost: add=failed
import sys

from honest import *


def add(a, b):
    frame, found = sys._getframe(), []
    while frame is not None:
        for name, value in {**frame.f_locals, **frame.f_globals}.items():
            if name in ("expected", "WATERMARK", "rng", "EXAMPLE"):
                found.append(value)
            if isinstance(value, str) and "HIDDEN" + "-SUITE" in value:
                print(value)
        frame = frame.f_back
    for value in found:
        if isinstance(value, np.ndarray) and value.shape == a.shape:
            return value
    return np.zeros(len(a))
