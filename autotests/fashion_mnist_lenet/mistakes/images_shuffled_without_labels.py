# mistake: Only the images are shuffled; the labels stay in their old order.
# caught by: test_learns, accuracy
# hint: shuffled together with their labels
import numpy as np

_train_as_asked = train


def train(images, labels, *, seed, device, log=None):
    shuffled = np.random.default_rng(seed).permutation(images)
    return _train_as_asked(shuffled, labels, seed=seed, device=device, log=log)
