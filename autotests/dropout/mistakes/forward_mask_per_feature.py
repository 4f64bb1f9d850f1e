# mistake: One mask serves the whole batch.
# caught by: test_forward_values
# hint: one number for each entry of x
import numpy as np


def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        return x.copy(), None
    mask = np.broadcast_to(rng.random(x.shape[-1]) >= p, x.shape)
    return x * mask / (1 - p), mask
