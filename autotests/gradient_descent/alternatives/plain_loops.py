"""Plain Python: every sum is a loop, as on paper; NumPy only holds the results."""

import numpy as np


def predict(X, w, b):
    answers = []
    for row in X:
        total = b
        for feature, weight in zip(row, w, strict=True):
            total += feature * weight
        answers.append(total)
    return np.array(answers)


def mse_loss(X, y, w, b):
    total = 0.0
    for answer, target in zip(predict(X, w, b).tolist(), y.tolist(), strict=True):
        total += (answer - target) ** 2
    return total / (2 * len(y))


def mse_gradient(X, y, w, b):
    n, d = X.shape
    slopes, slope_b = [0.0] * d, 0.0
    for row, answer, target in zip(X.tolist(), predict(X, w, b).tolist(), y.tolist(), strict=True):
        miss = answer - target
        slope_b += miss / n
        for j in range(d):
            slopes[j] += miss * row[j] / n
    return [np.array(slopes), slope_b]


def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    w, b, history = w0.copy(), b0, []
    for _ in range(epochs):
        history.append(mse_loss(X, y, w, b))
        slopes, slope_b = mse_gradient(X, y, w, b)
        for j, slope in enumerate(slopes):
            w[j] -= learning_rate * slope
        b -= learning_rate * slope_b
    return [w, b, history]


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    w, b = w0.copy(), b0
    for _ in range(epochs):
        waiting = list(rng.permutation(len(y)))
        while waiting:
            batch, waiting = waiting[:batch_size], waiting[batch_size:]
            slopes, slope_b = mse_gradient(X[batch], y[batch], w, b)
            w -= learning_rate * slopes
            b -= learning_rate * slope_b
    return w, b
