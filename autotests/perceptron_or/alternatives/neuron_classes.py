"""Object oriented: two kinds of unit that share their weighted sum, and a training loop as a generator of states."""

from abc import ABC, abstractmethod
from itertools import islice

import numpy as np


class Unit(ABC):
    def __init__(self, weights, bias=0.0):
        self.weights, self.bias = np.array(weights, dtype=float), float(bias)

    def total(self, X):
        return np.dot(X, self.weights) + self.bias

    @abstractmethod
    def activation(self, z): ...

    def __call__(self, X):
        return self.activation(self.total(X))


class Perceptron(Unit):
    def activation(self, z):
        return np.greater(z, 0).astype(int)

    def learn(self, x, target, rate):
        """Correct one sample; tell whether there was something to correct."""
        error = target - self(x)
        self.weights += rate * error * x
        self.bias += rate * error
        return bool(error)


class Neuron(Unit):
    def activation(self, z):
        # log(1 + exp(-z)) without overflow, so this is exp(-log(1 + exp(-z)))
        return np.exp(-np.logaddexp(0.0, -z))

    def states(self, X, y, rate):
        """Endlessly yield (weights, bias, loss), then take one step downhill."""
        while True:
            p = self(X)
            yield self.weights.copy(), self.bias, float(np.mean((p - y) ** 2))
            pull = (y - p) * p * (1 - p) * 2 / y.size
            self.weights += rate * pull @ X
            self.bias += rate * pull.sum()


def step(z):
    return Perceptron([]).activation(z)


def perceptron_predict(X, w, b):
    return Perceptron(w, b)(X)


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    unit = Perceptron(np.zeros(X.shape[1]))
    epochs = 0
    for epochs in range(1, max_epochs + 1):  # noqa: B007
        if not sum([unit.learn(x, target, learning_rate) for x, target in zip(X, y, strict=True)]):
            break
    return unit.weights, unit.bias, epochs


def sigmoid(z):
    return Neuron([]).activation(z)


def neuron_predict(X, w, b):
    return Neuron(w, b)(X)


def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    rng = rng or np.random.default_rng()
    unit = Neuron(rng.uniform(-1, 1, X.shape[1]), rng.uniform(-1, 1))
    path = list(islice(unit.states(X, y, learning_rate), epochs + 1))
    return path[-1][0], path[-1][1], [loss for _, _, loss in path[:-1]]
