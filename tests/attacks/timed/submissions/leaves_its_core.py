# tries: to spread its threads over all cores of the machine, where the reference has one
# must not: leave the core that it was given
# earns: accuracy, time
import os
import threading

from honest import centroids, nearest


def escape():
    for cores in (range(os.cpu_count()), range(64), [0], [1]):
        try:
            os.sched_setaffinity(0, cores)
            print("FOUND a way to", list(cores))
        except OSError:
            pass


def train(images, labels, *, seed, device):
    allowed = os.sched_getaffinity(0)
    if len(allowed) != 1:
        print("FOUND several cores", allowed)
    escape()
    thread = threading.Thread(target=escape)
    thread.start()
    thread.join()
    return centroids(images, labels)


predict = nearest
