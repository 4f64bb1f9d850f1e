# tries: to crash the interpreter
# must not: cost more than the tests that call it
# lost: add=killed
import ctypes

from honest import *


def add(a, b):
    return ctypes.string_at(0)
