# mistake: any seeded generator will do, the one that was passed is not needed
# caught by: test_sgd_order
# hint: the rng that was passed

import numpy as np


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    w, b = w0.copy(), b0
    n, rng = len(y), np.random.default_rng(0)
    for _ in range(epochs):
        order = rng.permutation(n)
        for start in range(0, n, batch_size):
            batch = order[start : start + batch_size]
            grad_w, grad_b = mse_gradient(X[batch], y[batch], w, b)
            w, b = w - learning_rate * grad_w, b - learning_rate * grad_b
    return w, b
