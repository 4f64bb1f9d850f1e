# tries: an answer that is equal to everything, whatever it is compared with
# must not: pass a test without the right values
# lost: add=failed
from honest import *


class Everything:
    shape, dtype, ndim, size = (5,), "float64", 1, 5

    def __eq__(self, other):
        return True

    __ne__ = __lt__ = __gt__ = lambda self, other: False
    __le__ = __ge__ = __contains__ = __eq__
    __hash__ = lambda self: 0
    __bool__ = lambda self: True
    __sub__ = __rsub__ = __abs__ = __add__ = __radd__ = lambda self, *other: 0
    __len__ = lambda self: 5
    __iter__ = lambda self: iter([0.0] * 5)
    __float__ = lambda self: 0.0


def add(a, b):
    return Everything()
