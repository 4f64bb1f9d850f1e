# Warnings at import and in a call.
import warnings

import honest
from honest import *

warnings.warn("old", DeprecationWarning)
warnings.simplefilter("error")


def add(a, b):
    warnings.simplefilter("always")
    warnings.warn("careful")
    np.log(np.zeros(1))
    return honest.add(a, b)
