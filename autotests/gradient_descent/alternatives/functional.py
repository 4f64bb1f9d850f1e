"""Functional: no assignment changes anything; training is a fold over a stream of batches."""

from functools import reduce
from itertools import accumulate, chain, islice, repeat

import numpy as np


def predict(X, w, b):
    return (X * w).sum(axis=-1) + b


def mse_loss(X, y, w, b):
    misses = predict(X, w, b) - y
    return float(np.vdot(misses, misses)) / misses.size / 2


def mse_gradient(X, y, w, b):
    misses = (predict(X, w, b) - y) / y.size
    return np.tensordot(misses, X, axes=1), misses.sum()


def _stepper(X, y, learning_rate):
    def step(parameters, rows):
        slopes = mse_gradient(X[rows], y[rows], *parameters)
        return tuple(old - learning_rate * slope for old, slope in zip(parameters, slopes, strict=True))

    return step


def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    everything = repeat(slice(None), epochs)
    *before, (w, b) = accumulate(everything, _stepper(X, y, learning_rate), initial=(w0.copy(), b0))
    return w, b, tuple(mse_loss(X, y, *parameters) for parameters in before)


def _slices(order, size):
    rest = iter(order)
    return iter(lambda: list(islice(rest, size)), [])


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    stream = chain.from_iterable(_slices(rng.permutation(len(y)), batch_size) for _ in range(epochs))
    return reduce(_stepper(X, y, learning_rate), stream, (w0.copy(), b0))
