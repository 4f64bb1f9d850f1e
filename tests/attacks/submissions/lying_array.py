# tries: __array__, __array_ufunc__ and __array_function__ that agree with whatever numpy compares the answer to
# must not: be asked by the grader's numpy at all
# lost: add=failed
from honest import *


class Chameleon:
    __array_priority__ = 1e9

    def __array__(self, *args, **kwargs):
        return np.zeros(5)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        others = [value for value in inputs if value is not self]
        return others[0] if others else True

    def __array_function__(self, function, types, args, kwargs):
        return True

    __array_interface__ = property(lambda self: np.zeros(5).__array_interface__)


def add(a, b):
    return Chameleon()
