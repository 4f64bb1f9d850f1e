# mistake: mini-batches are slices of the data as it stands
# caught by: test_sgd_order
# hint: draw rng.permutation(n) once


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    w, b = w0.copy(), b0
    n = len(y)
    for _ in range(epochs):
        for start in range(0, n, batch_size):
            batch = slice(start, start + batch_size)
            grad_w, grad_b = mse_gradient(X[batch], y[batch], w, b)
            w, b = w - learning_rate * grad_w, b - learning_rate * grad_b
    return w, b
