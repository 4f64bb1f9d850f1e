# mistake: max_epochs is the number of epochs to run
# caught by: test_perceptron_learns_or, test_perceptron_epochs
# hint: Stop after the first epoch without a mistake

import numpy as np


def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    w, b = np.zeros(X.shape[1]), 0.0
    epochs = 0
    while epochs < max_epochs:
        epochs += 1
        for i in range(len(y)):
            error = y[i] - perceptron_predict(X[i : i + 1], w, b)[0]
            w = w + learning_rate * error * X[i]
            b = b + learning_rate * error
    return w, b, epochs
