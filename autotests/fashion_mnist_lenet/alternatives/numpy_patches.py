# variant: small
"""NumPy alone, and no gradient: patches of the images themselves as filters, pooled, then ridge regression.

After Coates, Lee and Ng (2011), who found that a single layer of features needs hardly any training. FILTERS patches
are whitened and used as filters; a pixel's answer to a filter is what it exceeds the mean answer by ("triangle").
"""

import numpy as np

FILTERS, SIDE, POOLS, RIDGE, PART = 200, 7, 4, 3.0, 250


def patches_of(images, stride):
    """All patches, brightness and contrast taken out: float32 (n, rows, columns, SIDE**2)."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (SIDE, SIDE), axis=(1, 2))[:, ::stride, ::stride]
    flat = windows.reshape(*windows.shape[:3], SIDE * SIDE).astype(np.float32)
    flat -= flat.mean(axis=-1, keepdims=True)
    return flat / (flat.std(axis=-1, keepdims=True) + 10)


def features(images, whitening, filters):
    found = []
    for start in range(0, len(images), PART):
        answers = patches_of(images[start : start + PART], 2) @ (whitening @ filters)
        answers = np.maximum(answers - answers.mean(axis=-1, keepdims=True), 0)
        rows = np.array_split(answers, POOLS, axis=1)
        pooled = [piece.mean(axis=(1, 2)) for row in rows for piece in np.array_split(row, POOLS, axis=2)]
        found.append(np.concatenate(pooled, axis=1))
    return np.sqrt(np.concatenate(found))


def moved(images, down, right):
    return np.roll(images, (down, right), axis=(1, 2))


def train(images, labels, *, seed, device):
    rng = np.random.default_rng(seed)
    sample = patches_of(images[rng.permutation(len(images))[:400]], 3).reshape(-1, SIDE * SIDE)
    values, vectors = np.linalg.eigh(np.cov(sample.T))
    whitening = (vectors / np.sqrt(values + 0.02) @ vectors.T).astype(np.float32)
    filters = (sample[rng.permutation(len(sample))[:FILTERS]] @ whitening).T
    filters /= np.linalg.norm(filters, axis=0) + 1e-6
    shifts = [(0, 0), (1, 1), (-1, -1)] if len(images) <= 20_000 else [(0, 0)]
    size = POOLS * POOLS * FILTERS + 1
    gram, cross = np.zeros((size, size), np.float32), np.zeros((size, 10), np.float32)
    mean = deviation = None
    for down, right in shifts:
        found = features(moved(images, down, right), whitening, filters)
        if mean is None:
            mean, deviation = found.mean(axis=0), found.std(axis=0) + 1e-3
        found = np.pad((found - mean) / deviation, ((0, 0), (0, 1)), constant_values=1.0)
        gram += found.T @ found
        cross += found.T @ (2 * np.eye(10, dtype=np.float32)[labels] - 1)
    gram[np.diag_indices(size)] += RIDGE * 0.01 * len(images)
    return whitening, filters, mean, deviation, np.linalg.solve(gram, cross)


def predict(model, images):
    whitening, filters, mean, deviation, weights = model
    found = (features(images, whitening, filters) - mean) / deviation
    return (found @ weights[:-1] + weights[-1]).argmax(axis=1).astype(np.int64)
