# mistake: turning the targets into -1 and 1 inside a function is nobody else's business
# caught by: test_arguments_unchanged
# hint: in place

import numpy as np


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    w, b = np.zeros(X.shape[1]), 0.0
    y *= 2
    y -= 1
    epochs, mistakes = 0, 1
    while mistakes and epochs < max_epochs:
        epochs += 1
        mistakes = 0
        for i in range(len(y)):
            error = (y[i] > 0) - perceptron_predict(X[i : i + 1], w, b)[0]
            w = w + learning_rate * error * X[i]
            b = b + learning_rate * error
            mistakes += error != 0
    return w, b, epochs
