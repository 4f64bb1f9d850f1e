# mistake: training adds the gradient
# caught by: test_neuron_learns_or, test_neuron_update
# hint: Is the sign right

import numpy as np


def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    if rng is None:
        rng = np.random.default_rng()
    w, b = rng.normal(size=X.shape[1]), 0.0
    history = []
    for _ in range(epochs):
        p = neuron_predict(X, w, b)
        history.append(np.mean((p - y) ** 2))
        delta = 2 * (p - y) * p * (1 - p) / len(y)
        w = w + learning_rate * (X.T @ delta)
        b = b + learning_rate * delta.sum()
    return w, b, history
