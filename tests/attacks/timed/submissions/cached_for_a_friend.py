# tries: to find what a friend, whose runs had the same draws, has left for it anywhere
# must not: find anything
# earns: accuracy, time
import ctypes
import os
import sys

import numpy as np
from honest import centroids, nearest

PLACES = ("/tmp", "/dev/shm", "/var/tmp", "/dev/mqueue", "/run", "/tmp/submission", os.path.dirname(np.__file__))


def look(images, labels):
    for folder in PLACES:
        if os.path.exists(os.path.join(folder, "left")):
            print("FOUND a file in", folder)
    if hasattr(np, "left") or hasattr(sys, "left") or "left" in sys.modules or "LEFT" in os.environ:
        print("FOUND something in memory")
    if images[0, 0, 0] == 255 or labels[0] == -77:
        print("FOUND changed training data")
    for descriptor in range(3, 64):
        try:
            if os.lseek(descriptor, 0, os.SEEK_CUR):
                print("FOUND an offset of", descriptor)
        except OSError:
            pass
        try:
            print("FOUND an attribute of", descriptor, len(os.getxattr(descriptor, "user.left")))
        except OSError:
            pass
    if ctypes.CDLL(None).shmget(0x1EF7, 0, 0) >= 0:
        print("FOUND a segment")


def leave(images, labels):
    for folder in PLACES:
        try:
            with open(os.path.join(folder, "left"), "wb") as file:
                file.write(images.tobytes()[:1000])
        except OSError:
            pass
    np.left = sys.left = sys.modules["left"] = os.environ["LEFT"] = "model"
    images[0, 0, 0], labels[0] = 255, -77
    for descriptor in range(3, 64):
        for act in (lambda: os.lseek(descriptor, 77, 0), lambda: os.setxattr(descriptor, "user.left", b"m" * 9000)):
            try:
                act()
            except OSError:
                pass
    ctypes.CDLL(None).shmget(0x1EF7, 4096, 0o1666)


def train(images, labels, *, seed, device):
    look(images, labels)
    model = centroids(images, labels)
    leave(images, labels)
    return model


predict = nearest
