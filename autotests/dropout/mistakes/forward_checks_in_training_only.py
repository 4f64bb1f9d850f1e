# mistake: In evaluation p is not used, so it needs no check.
# caught by: test_functions_check_p
# hint: in evaluation
def dropout_forward(x, p, training, rng):
    if not training:
        return x.copy(), None
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    mask = rng.random(x.shape) >= p
    return x * mask / (1 - p), mask
