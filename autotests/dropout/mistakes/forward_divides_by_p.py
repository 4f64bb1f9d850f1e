# mistake: The survivors are divided by p.
# caught by: test_forward_worked_example, test_forward_values
# hint: survivors are divided by 1 - p
def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        return x.copy(), None
    mask = rng.random(x.shape) >= p
    return (x * mask / p if p > 0 else x), mask
