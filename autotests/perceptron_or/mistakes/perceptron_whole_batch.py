# mistake: all samples are judged with the same weights, and the corrections are added up at the end of the epoch
# caught by: test_perceptron_learns_or, test_perceptron_weights
# hint: The very next sample meets the new weights

import numpy as np


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    w, b = np.zeros(X.shape[1]), 0.0
    epochs, errors = 0, np.ones(1)
    while errors.any() and epochs < max_epochs:
        epochs += 1
        errors = y - perceptron_predict(X, w, b)
        w = w + learning_rate * errors @ X
        b = b + learning_rate * errors.sum()
    return w, b, epochs
