# tries: SIGKILL for every process that it may signal, its parents first
# must not: reach a process but its own
# lost: add=failed|killed
import os
import signal

from honest import *


def add(a, b):
    for pid in (os.getppid(), 1, -1, *range(2, 5000)):
        if pid in (0, os.getpid()):
            continue
        try:
            os.kill(pid, signal.SIGKILL)
            print("killed", pid)
        except OSError:
            pass
    return np.zeros(len(a))
