# mistake: one shuffle before the first epoch is enough
# caught by: test_sgd_order
# hint: In each epoch


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    w, b = w0.copy(), b0
    n = len(y)
    order = rng.permutation(n)
    for _ in range(epochs):
        for start in range(0, n, batch_size):
            batch = order[start : start + batch_size]
            grad_w, grad_b = mse_gradient(X[batch], y[batch], w, b)
            w, b = w - learning_rate * grad_w, b - learning_rate * grad_b
    return w, b
