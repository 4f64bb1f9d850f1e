# looks like: a background thread; it works in parallel and is joined
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def train(images, labels, *, seed, device):
    with ThreadPoolExecutor(4) as pool:
        return np.stack(list(pool.map(lambda label: images[labels == label].mean(axis=0), range(10))))


def predict(model, images):
    return ((images[:, None].astype(float) - model[None]) ** 2).sum(axis=(2, 3)).argmin(axis=1)
