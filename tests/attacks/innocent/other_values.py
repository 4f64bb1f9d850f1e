# Right answers of other types than usual: NumPy scalars, a subclass of dict, an array scalar.
import collections

import honest
from honest import *


def describe(x):
    return collections.OrderedDict(n=np.int64(len(x)), max=np.max(x), min=np.float64(x.min()))


def mean_square(y, p):
    return np.mean((y - p) ** 2)
