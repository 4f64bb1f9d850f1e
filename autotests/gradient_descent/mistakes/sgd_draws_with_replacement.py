# mistake: each step draws a fresh random batch, so some samples come twice and some never
# caught by: test_sgd_with_one_batch, test_sgd_order
# hint: Every sample is used exactly once


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    w, b = w0.copy(), b0
    n = len(y)
    for _ in range(epochs):
        for _ in range(0, n, batch_size):
            batch = rng.integers(n, size=batch_size)
            grad_w, grad_b = mse_gradient(X[batch], y[batch], w, b)
            w, b = w - learning_rate * grad_w, b - learning_rate * grad_b
    return w, b
