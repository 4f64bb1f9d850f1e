# try and except around everything.
import honest
from honest import *


def add(a, b):
    try:
        return honest.add(a, b)
    except BaseException:
        return None


def twice(f, x):
    try:
        result = f(x)
    except:
        result = x
    return f(result)
