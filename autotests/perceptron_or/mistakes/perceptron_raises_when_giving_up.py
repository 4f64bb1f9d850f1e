# mistake: training that has not converged is an error
# caught by: test_perceptron_gives_up
# hint: Return w, b and max_epochs as usual

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
    if mistakes:
        raise RuntimeError("did not converge")
    return w, b, epochs
