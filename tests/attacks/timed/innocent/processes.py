# looks like: a process in the background; a pool that is closed
import multiprocessing

import numpy as np
from honest import nearest


def mean(images):
    return images.mean(axis=0)


def train(images, labels, *, seed, device):
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return np.stack(pool.map(mean, [images[labels == label] for label in range(10)]))


predict = nearest
