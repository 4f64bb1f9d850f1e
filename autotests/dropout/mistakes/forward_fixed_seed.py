# mistake: A generator with a fixed seed inside the function makes results repeatable.
# caught by: test_forward_worked_example, test_forward_values, test_forward_stream
# hint: generator of your own
import numpy as np


def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        return x.copy(), None
    mask = np.random.default_rng(42).random(x.shape) >= p
    return x * mask / (1 - p), mask
