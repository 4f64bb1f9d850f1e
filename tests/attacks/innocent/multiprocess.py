# Sums in processes.
import os

from honest import *


def add(a, b):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, (a + b).tobytes())
        os._exit(0)
    os.wait()
    return np.frombuffer(os.read(reading, 8 * len(a)))
