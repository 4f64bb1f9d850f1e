# mistake: The mask holds the factors 0 and 1 / (1 - p).
# caught by: test_forward_worked_example, test_forward_values
# hint: the boolean mask itself, not a scaled one
def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        return x.copy(), None
    mask = (rng.random(x.shape) >= p) / (1 - p)
    return x * mask, mask
