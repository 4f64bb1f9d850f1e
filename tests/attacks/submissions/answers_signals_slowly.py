# tries: to answer the host's question where it is with one byte now and then, forever
# must not: keep the host waiting for the end of the answer
# lost: add=timeout
import os
import signal
import struct
import time

from honest import *


def dribble(*_):
    os.write(3, b"GW1\n" + struct.pack("!II", 8_000_000, 0))
    while True:
        os.write(3, b" ")
        time.sleep(0.05)


def add(a, b):
    signal.signal(signal.SIGXCPU, dribble)
    while True:
        pass
