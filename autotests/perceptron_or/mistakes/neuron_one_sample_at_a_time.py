# mistake: an epoch updates after every single sample
# caught by: test_neuron_update
# hint: with all samples at once

import numpy as np


def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    if rng is None:
        rng = np.random.default_rng()
    w, b = rng.normal(size=X.shape[1]), 0.0
    history = []
    for _ in range(epochs):
        history.append(np.mean((neuron_predict(X, w, b) - y) ** 2))
        for x, target in zip(X, y, strict=True):
            p = neuron_predict(x[np.newaxis], w, b)[0]
            delta = 2 * (p - target) * p * (1 - p) / len(y)
            w = w - learning_rate * delta * x
            b = b - learning_rate * delta
    return w, b, history
