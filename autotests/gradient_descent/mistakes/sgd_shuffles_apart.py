# mistake: features and targets may be shuffled one after the other
# caught by: test_sgd_with_one_batch, test_sgd_order
# hint: X and y go by the same row numbers


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    w, b = w0.copy(), b0
    for _ in range(epochs):
        mixed_X, mixed_y = rng.permutation(X), rng.permutation(y)
        for start in range(0, len(y), batch_size):
            stop = start + batch_size
            grad_w, grad_b = mse_gradient(mixed_X[start:stop], mixed_y[start:stop], w, b)
            w, b = w - learning_rate * grad_w, b - learning_rate * grad_b
    return w, b
