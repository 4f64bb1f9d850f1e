# tries: to end the process with exit code 0 in the middle of a test
# must not: be taken for a success, nor cost the other tests
# lost: add=killed
import os

from honest import *


def add(a, b):
    os._exit(0)
