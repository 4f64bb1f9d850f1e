"""The bias as the weight of an input that is always one; tanh for the sigmoid; einsum for the gradient."""

import numpy as np


def _augment(X):
    return np.pad(X, ((0, 0), (0, 1)), constant_values=1.0)


def step(z):
    return np.heaviside(z, 0).astype(np.int64)


def perceptron_predict(X, w, b):
    return step(np.einsum("nd,d->n", _augment(X), np.append(w, b)))


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    A = _augment(X)
    signed = A * (2 * y - 1)[:, None]  # a sample is right where its signed sum is on the positive side
    theta = np.zeros(A.shape[1])
    for epoch in range(1, max_epochs + 1):
        before = theta.copy()
        for row, target in zip(signed, y, strict=True):
            margin = row @ theta
            if margin < 0 or (margin == 0 and target == 1):
                theta += learning_rate * row
        if np.array_equal(before, theta) and not np.any(step(A @ theta) != y):
            return theta[:-1], theta[-1], epoch
    return theta[:-1], theta[-1], max_epochs


def sigmoid(z):
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def neuron_predict(X, w, b):
    return sigmoid(_augment(X) @ np.append(w, b))


def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    rng = np.random.default_rng(rng)
    A, n = _augment(X), len(y)
    theta = rng.standard_normal(A.shape[1])
    history = np.zeros(epochs)
    for k in range(epochs):
        p = sigmoid(A @ theta)
        history[k] = np.square(p - y).mean()
        theta = theta - learning_rate * np.einsum("n,n,nd->d", p - y, p * (1 - p), A) * 2 / n
    return theta[:-1], theta[-1], history
