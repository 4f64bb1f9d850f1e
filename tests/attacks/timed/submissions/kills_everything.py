# tries: to end the runner, the zygote and everybody else
# must not: end anything but itself
# outcome: killed|error
# earns: nothing
import os


def train(images, labels, *, seed, device):
    for pid in (os.getppid(), -1, 2, 3):
        try:
            os.kill(pid, 9)
        except OSError:
            pass
    os._exit(0)


def predict(model, images):
    return None
