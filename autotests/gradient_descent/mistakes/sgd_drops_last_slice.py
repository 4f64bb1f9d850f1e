# mistake: samples that do not fill a batch are left out
# caught by: test_sgd_last_slice
# hint: takes what is left over


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    w, b = w0.copy(), b0
    n = len(y)
    for _ in range(epochs):
        order = rng.permutation(n)
        for start in range(0, n - batch_size + 1, batch_size):
            batch = order[start : start + batch_size]
            grad_w, grad_b = mse_gradient(X[batch], y[batch], w, b)
            w, b = w - learning_rate * grad_w, b - learning_rate * grad_b
    return w, b
