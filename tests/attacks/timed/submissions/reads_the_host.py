# tries: to find the hidden labels, or the host, in its own memory, its callers' frames, descriptors, /proc and folders
# must not: find anything
# earns: accuracy, time
import gc
import os
import socket
import sys

import numpy as np
from honest import centroids, nearest


def search(when, count):
    for thing in gc.get_objects():
        if isinstance(thing, np.ndarray) and thing.dtype == np.int64 and thing.shape == (count,):
            print("FOUND an array of labels", when)
        if type(thing).__name__ in ("Draw", "Session", "Worker", "TrainingRun", "Timed"):
            print("FOUND the runner's", type(thing).__name__)
    frame = sys._getframe()
    while frame is not None:
        for name, value in frame.f_locals.items():
            if "hidden" in name or (isinstance(value, np.ndarray) and value.shape == (count,)):
                print("FOUND in a frame", name)
        frame = frame.f_back
    for descriptor in range(4, 256):
        try:
            os.fstat(descriptor)
            print("FOUND descriptor", descriptor)
        except OSError:
            pass
    for path in ("/home", "/srv", "/etc/passwd", "/etc/shadow", "/proc/1/mem", f"/proc/{os.getppid()}/mem", "/proc/2"):
        if os.access(path, os.R_OK) and not sys.prefix.startswith(path):
            print("FOUND", path)
    try:
        socket.socket()
        print("FOUND a network")
    except OSError:
        pass


def train(images, labels, *, seed, device):
    search("in train", 200)
    return centroids(images, labels)


def predict(model, images):
    search("in predict", len(images))
    return nearest(model, images)
