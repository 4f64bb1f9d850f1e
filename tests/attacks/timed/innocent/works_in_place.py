# looks like: tampering with the data; it centres and shuffles them where they are
import numpy as np
from honest import nearest


def train(images, labels, *, seed, device):
    order = np.random.default_rng(seed).permutation(len(labels))
    images[:], labels[:] = images[order], labels[order]
    images //= 2
    return np.stack([images[labels == label].mean(axis=0) for label in range(10)])


def predict(model, images):
    images //= 2
    return nearest(model, images)
