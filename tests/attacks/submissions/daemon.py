# tries: a daemon that outlives the grading: twice forked, in a session of its own, deaf to signals
# must not: be alive after the run
# lost: add=failed
import ctypes
import os
import signal
import time

from honest import *


def add(a, b):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            ctypes.CDLL(None).prctl(15, b"attackdaemon", 0, 0, 0)
            os.closerange(0, 64)
            time.sleep(600)
        os._exit(0)
    os.wait()
    return np.zeros(len(a))
