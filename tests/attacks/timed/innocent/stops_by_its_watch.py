# looks like: a play with clocks; it trains for a fixed time
import time

from honest import centroids, nearest


def train(images, labels, *, seed, device, log=None):
    start, epoch = time.time(), 0
    while time.time() - start < 0.1:
        model, epoch = centroids(images, labels), epoch + 1
        if log:
            log(epoch=epoch, loss=0.5, accuracy=float((nearest(model, images) == labels).mean()))
        time.sleep(0.005)
    return model


predict = nearest
