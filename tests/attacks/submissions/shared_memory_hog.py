# tries: memory that belongs to no process: anonymous shared maps, /dev/shm, memfd, System V segments
# must not: get more than its limit
# lost: add=memory|error|failed|killed
import ctypes
import mmap
import os
import time

from honest import *


def add(a, b):
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (lambda: libc.shmget(0, 100 << 20, 0o1600), lambda: libc.memfd_create(b"x", 0)):
        if call() >= 0:
            print("there is memory that nobody counts")
    for _ in range(10):
        if os.fork() == 0:
            shared = mmap.mmap(-1, 100 << 20)
            for _ in range(100):
                shared.write(b"x" * (1 << 20))
            time.sleep(3)
            os._exit(0)
    time.sleep(3)
    return np.zeros(len(a))
