# mistake: Large weights give the neuron a head start.
# caught by: test_neuron_draws_weights
# hint: from weights far from zero the sigmoid is flat

import numpy as np


def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    if rng is None:
        rng = np.random.default_rng()
    w, b = rng.normal(scale=20.0, size=X.shape[1]), 0.0
    history = []
    for _ in range(epochs):
        p = neuron_predict(X, w, b)
        history.append(np.mean((p - y) ** 2))
        delta = 2 * (p - y) * p * (1 - p) / len(y)
        w = w - learning_rate * (X.T @ delta)
        b = b - learning_rate * delta.sum()
    return w, b, history
