# mistake: Dropout works the same way in training and evaluation.
# caught by: test_forward_evaluation
# hint: With training=False out equals x
def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    mask = rng.random(x.shape) >= p
    return x * mask / (1 - p), mask
