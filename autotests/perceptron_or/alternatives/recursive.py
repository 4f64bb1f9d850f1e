"""Functional: the perceptron as a recursion over samples and epochs, the neuron as a fold of one pure update."""

from functools import reduce

import numpy as np


def step(z):
    return np.where(z > 0, 1, 0)


def perceptron_predict(X, w, b):
    return step(np.sum(X * w, axis=1) + b)


def _corrected(state, sample):
    w, b, mistakes, rate = state
    x, target = sample
    error = target - perceptron_predict(x[None, :], w, b).item()
    return w + rate * error * x, b + rate * error, mistakes + (error != 0), rate


def _epochs(X, y, w, b, rate, done, left):
    w, b, mistakes, _ = reduce(_corrected, zip(X, y, strict=True), (w, b, 0, rate))
    if mistakes == 0 or left == 1:
        return w, b, done + 1
    return _epochs(X, y, w, b, rate, done + 1, left - 1)


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    return _epochs(X, y, np.zeros(X.shape[1]), 0.0, learning_rate, 0, max_epochs)


def sigmoid(z):
    answer = np.empty_like(z)
    positive = z >= 0
    answer[positive] = 1 / (1 + np.exp(-z[positive]))
    small = np.exp(z[~positive])
    answer[~positive] = small / (1 + small)
    return answer


def neuron_predict(X, w, b):
    return sigmoid(np.inner(X, w) + b)


def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    def updated(state, _):
        w, b, history = state
        miss = neuron_predict(X, w, b) - y
        p = miss + y
        slope = p - p**2
        history.append(np.dot(miss, miss) / miss.size)
        return (
            w - learning_rate * 2 * np.mean(X * (miss * slope)[:, None], axis=0),
            b - learning_rate * 2 * np.mean(miss * slope),
            history,
        )

    start = 0.1 * (rng or np.random.default_rng()).normal(size=X.shape[1])
    return reduce(updated, range(epochs), (start, 0.0, []))
