# mistake: samples are always shuffled before an epoch
# caught by: test_perceptron_weights
# hint: take the samples in order

import numpy as np


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    w, b = np.zeros(X.shape[1]), 0.0
    rng = np.random.default_rng(1)
    epochs, mistakes = 0, 1
    while mistakes and epochs < max_epochs:
        epochs += 1
        mistakes = 0
        for i in rng.permutation(len(y)):
            error = y[i] - perceptron_predict(X[i : i + 1], w, b)[0]
            w = w + learning_rate * error * X[i]
            b = b + learning_rate * error
            mistakes += error != 0
    return w, b, epochs
