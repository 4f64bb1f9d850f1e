"""Object oriented: a model that knows its parameters, and the asked functions as thin wrappers around it."""

from dataclasses import dataclass

import numpy as np


@dataclass
class LinearModel:
    weights: np.ndarray
    bias: float

    def __post_init__(self):
        self.weights = np.array(self.weights, dtype=float)

    def __call__(self, X):
        return np.dot(X, self.weights) + self.bias

    def loss(self, X, y):
        return np.square(self(X) - y).mean() / 2

    def slopes(self, X, y):
        misses = self(X) - y
        return (misses[:, None] * X).mean(axis=0), misses.mean()

    def step(self, X, y, learning_rate):
        by_weight, by_bias = self.slopes(X, y)
        self.weights -= learning_rate * by_weight
        self.bias -= learning_rate * by_bias


class MiniBatches:
    """Iterates over one epoch, in a new order each time."""

    def __init__(self, X, y, size, rng):
        self.X, self.y, self.size, self.rng = X, y, size, rng

    def __iter__(self):
        order = np.arange(len(self.y))
        self.rng.shuffle(order)  # the very numbers that rng.permutation(n) draws
        first = 0
        while first < len(order):
            chosen = order[first : first + self.size]
            yield self.X[chosen], self.y[chosen]
            first += self.size


def predict(X, w, b):
    return LinearModel(w, b)(X)


def mse_loss(X, y, w, b):
    return LinearModel(w, b).loss(X, y)


def mse_gradient(X, y, w, b):
    return LinearModel(w, b).slopes(X, y)


def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    model = LinearModel(w0, b0)
    history = []
    for _ in range(epochs):
        history.append(model.loss(X, y))
        model.step(X, y, learning_rate)
    return model.weights, model.bias, history


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    model = LinearModel(w0, b0)
    batches = MiniBatches(X, y, batch_size, rng)
    for _ in range(epochs):
        for some_X, some_y in batches:
            model.step(some_X, some_y, learning_rate)
    return model.weights, model.bias
