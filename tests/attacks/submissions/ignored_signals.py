# tries: a loop that ignores every signal and catches every exception
# must not: outlive its limit
# lost: add=timeout
import signal

from honest import *


def add(a, b):
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
