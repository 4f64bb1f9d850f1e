# mistake: The input is not needed any more, so it can be overwritten.
# caught by: test_arguments_unchanged
# hint: change the caller's array
def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        return x.copy(), None
    mask = rng.random(x.shape) >= p
    x[~mask] = 0
    return x / (1 - p), mask
