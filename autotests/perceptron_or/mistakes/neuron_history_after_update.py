# mistake: history holds the loss that each update has reached
# caught by: test_neuron_history
# hint: appended before the update

import numpy as np


def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    if rng is None:
        rng = np.random.default_rng()
    w, b = rng.normal(size=X.shape[1]), 0.0
    history = []
    for _ in range(epochs):
        p = neuron_predict(X, w, b)
        delta = 2 * (p - y) * p * (1 - p) / len(y)
        w = w - learning_rate * (X.T @ delta)
        b = b - learning_rate * delta.sum()
        history.append(np.mean((neuron_predict(X, w, b) - y) ** 2))
    return w, b, history
