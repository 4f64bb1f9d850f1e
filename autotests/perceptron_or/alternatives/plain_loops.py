"""Plain Python: numbers and lists all the way, the math module for the exponential; arrays only at the border."""

import math
import random

import numpy as np


def step(z):
    answer = np.zeros(z.shape, dtype=np.int8)
    for place, value in np.ndenumerate(z):
        if value > 0:
            answer[place] = 1
    return answer


def _weighted_sum(row, w, b):
    total = b
    for feature, weight in zip(row, w, strict=True):
        total += feature * weight
    return total


def perceptron_predict(X, w, b):
    return np.array([1 if _weighted_sum(row, w, b) > 0 else 0 for row in X.tolist()])


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    rows, targets = X.tolist(), y.tolist()
    w, b = [0.0] * X.shape[1], 0.0
    epochs = 0
    while epochs < max_epochs:
        epochs += 1
        clean = True
        for row, target in zip(rows, targets, strict=True):
            fires = _weighted_sum(row, w, b) > 0
            if fires and target == 0:
                clean = False
                w = [weight - learning_rate * feature for weight, feature in zip(w, row, strict=True)]
                b -= learning_rate
            elif not fires and target == 1:
                clean = False
                w = [weight + learning_rate * feature for weight, feature in zip(w, row, strict=True)]
                b += learning_rate
        if clean:
            break
    return [np.array(w), b, epochs]


def _logistic(z):
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    small = math.exp(z)
    return small / (1 + small)


def sigmoid(z):
    return np.array([_logistic(value) for value in z.ravel().tolist()]).reshape(z.shape)


def neuron_predict(X, w, b):
    return np.array([_logistic(_weighted_sum(row, w, b)) for row in X.tolist()])


def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    draw = random.random if rng is None else rng.random
    rows, targets, n = X.tolist(), y.tolist(), len(y)
    w, b = [float(draw()) - 0.5 for _ in range(X.shape[1])], float(draw()) - 0.5
    history = []
    for _ in range(epochs):
        loss, slope_w, slope_b = 0.0, [0.0] * len(w), 0.0
        for row, target in zip(rows, targets, strict=True):
            p = _logistic(_weighted_sum(row, w, b))
            loss += (p - target) ** 2 / n
            delta = 2 * (p - target) * p * (1 - p) / n
            slope_b += delta
            for j, feature in enumerate(row):
                slope_w[j] += delta * feature
        history.append(loss)
        w = [weight - learning_rate * slope for weight, slope in zip(w, slope_w, strict=True)]
        b -= learning_rate * slope_b
    return np.array(w), b, history
