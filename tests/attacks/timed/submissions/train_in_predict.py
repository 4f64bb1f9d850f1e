# tries: to leave the work to predict, where it hopes that no clock runs
# must not: have the time of its work uncounted
# earns: accuracy
# seconds: 1.6 ..
import time

from honest import centroids, nearest


def train(images, labels, *, seed, device):
    return images, labels


def predict(model, images):
    time.sleep(1.6)
    return nearest(centroids(*model), images)
