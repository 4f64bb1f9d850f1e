# tries: to learn while it is loaded, before the clock runs, from the shared memory that train will be given
# must not: find the labels there
# earns: accuracy, time
import gc
import sys

import numpy as np

from honest import *

COUNT = 300  # training images
for memory in sys.modules["wall.shared"]._memories:
    data = bytes(memory)
    for start in range(0, len(data) - 8 * COUNT + 1, 8):
        numbers = np.frombuffer(data, np.int64, COUNT, start)
        if set(np.unique(numbers)) == set(range(10)):
            print("FOUND the labels in shared memory")
for value in gc.get_objects():
    if isinstance(value, (bytes, bytearray)) and len(value) == 8 * COUNT:
        print("FOUND something as large as the labels")
    if isinstance(value, np.ndarray) and value.shape == (COUNT,):
        print("FOUND an array of as many numbers")
