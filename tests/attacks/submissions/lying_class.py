# tries: __class__ that says ndarray, and a subclass of ndarray that is equal to everything
# must not: be taken for an array, nor keep its own comparison on the way
# lost: add=failed
from honest import *


class NotAnArray:
    __class__ = property(lambda self: np.ndarray)
    shape, dtype = (2,), np.dtype("float64")


class Agreeable(np.ndarray):
    def __eq__(self, other):
        return np.ones(self.shape, bool)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.ones(self.shape, bool)

    def __array_function__(self, function, types, args, kwargs):
        return True

    def tobytes(self, *args):
        return b""


def add(a, b):
    return NotAnArray() if len(a) == 2 else np.zeros(len(a)).view(Agreeable)
