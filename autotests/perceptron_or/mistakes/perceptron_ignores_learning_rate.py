# mistake: from zero weights the learning rate makes no difference to the answers, so it may be left out
# caught by: test_perceptron_weights
# hint: learning_rate * (target - answer)

import numpy as np


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    w, b = np.zeros(X.shape[1]), 0.0
    epochs, mistakes = 0, 1
    while mistakes and epochs < max_epochs:
        epochs += 1
        mistakes = 0
        for i in range(len(y)):
            error = y[i] - perceptron_predict(X[i : i + 1], w, b)[0]
            w = w + error * X[i]
            b = b + error
            mistakes += error != 0
    return w, b, epochs
