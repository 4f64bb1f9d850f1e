# mistake: p is a probability, so 1 is allowed.
# caught by: test_functions_check_p
# hint: p = 1 is out of range
def dropout_forward(x, p, training, rng):
    if p < 0 or p > 1:
        raise ValueError("p is a probability")
    if not training:
        return x.copy(), None
    mask = rng.random(x.shape) >= p
    return (x * mask / (1 - p) if p < 1 else 0 * x), mask
