# mistake: The mask can be drawn again where it is needed again.
# caught by: test_forward_worked_example, test_forward_values
# hint: once, one number for each entry
def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        return x.copy(), None
    out = x * (rng.random(x.shape) >= p) / (1 - p)
    return out, rng.random(x.shape) >= p
