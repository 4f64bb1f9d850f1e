# Prints for debugging, more than is kept.
import honest
from honest import *


def add(a, b):
    for i in range(2000):
        print(f"step {i}: a = {a}, b = {b}")
    return honest.add(a, b)
