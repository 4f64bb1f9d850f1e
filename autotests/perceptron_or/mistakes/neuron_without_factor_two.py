# mistake: the 2 of the derivative is left to the learning rate
# caught by: test_neuron_update
# hint: 2 / n

import numpy as np


def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    if rng is None:
        rng = np.random.default_rng()
    w, b = rng.normal(size=X.shape[1]), 0.0
    history = []
    for _ in range(epochs):
        p = neuron_predict(X, w, b)
        history.append(np.mean((p - y) ** 2))
        delta = (p - y) * p * (1 - p) / len(y)
        w = w - learning_rate * (X.T @ delta)
        b = b - learning_rate * delta.sum()
    return w, b, history
