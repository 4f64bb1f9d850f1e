# mistake: Randomness is there to be random, so the seed is not used.
# caught by: test_same_seed
# hint: with the argument seed
import numpy as np

_train_as_asked = train


def train(images, labels, *, seed, device, log=None):
    seed = int(np.random.default_rng().integers(2**32))
    return _train_as_asked(images, labels, seed=seed, device=device, log=log)
