# tries: to hand back a generator in a state of its choosing, and a callback's answer of its own
# must not: be believed
# lost: test_shuffled=failed, test_twice=failed
from honest import *


def shuffled(items, rng):
    rng.bit_generator.state = np.random.default_rng(0).bit_generator.state
    return list(items)


def twice(f, x):
    return x * 5.0625
