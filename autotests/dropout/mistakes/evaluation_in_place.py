# mistake: Nothing is dropped in evaluation, so rounding off the input there does no harm.
# caught by: test_arguments_unchanged
# hint: work on a copy
def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        x += 1e-10
        return x, None
    mask = rng.random(x.shape) >= p
    return x * mask / (1 - p), mask
