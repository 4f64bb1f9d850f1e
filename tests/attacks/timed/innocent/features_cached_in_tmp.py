# looks like: a cache between runs; it is one of this run's own features
import os

import numpy as np
from honest import centroids, nearest


def features(images, name):
    path = f"/tmp/{name}.npy"
    if not os.path.exists(path):
        np.save(path, np.sqrt(images.astype(float)))
    return np.load(path)


def train(images, labels, *, seed, device):
    return centroids(features(images, "train"), labels)


def predict(model, images):
    return nearest(model, features(images, "test"))
