# mistake: the epoch that finds no mistake has not trained anything and does not count
# caught by: test_perceptron_learns_or, test_perceptron_epochs
# hint: count that one

import numpy as np


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    w, b = np.zeros(X.shape[1]), 0.0
    epochs, mistakes = 0, 1
    while mistakes and epochs < max_epochs:
        epochs += 1
        mistakes = 0
        for i in range(len(y)):
            error = y[i] - perceptron_predict(X[i : i + 1], w, b)[0]
            w = w + learning_rate * error * X[i]
            b = b + learning_rate * error
            mistakes += error != 0
    return w, b, epochs if mistakes else epochs - 1
