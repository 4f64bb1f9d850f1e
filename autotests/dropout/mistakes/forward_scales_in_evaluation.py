# mistake: Units are missing in training, so activations are scaled down in evaluation.
# caught by: test_forward_worked_example, test_forward_values, test_forward_evaluation
# hint: without any factor
def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        return x * (1 - p), None
    mask = rng.random(x.shape) >= p
    return x * mask, mask
