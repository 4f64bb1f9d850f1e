# mistake: an epoch is one step on one batch
# caught by: test_sgd_order
# hint: slice after slice


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    w, b = w0.copy(), b0
    n = len(y)
    for _ in range(epochs):
        order = rng.permutation(n)
        batch = order[:batch_size]
        grad_w, grad_b = mse_gradient(X[batch], y[batch], w, b)
        w, b = w - learning_rate * grad_w, b - learning_rate * grad_b
    return w, b
