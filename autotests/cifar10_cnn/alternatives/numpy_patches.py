# variant: small
"""NumPy alone, and no gradient: patches of the images themselves as filters, pooled, then ridge regression.

After Coates, Lee and Ng (2011), who found that a single layer of features needs hardly any training. FILTERS patches
are whitened and used as filters; a pixel's answer to a filter is what it exceeds the mean answer by ("triangle"). Each
training image counts twice, as it is and mirrored.
"""

import numpy as np

FILTERS, SIDE, STRIDE, POOLS, RIDGE, PART = 500, 6, 2, 3, 0.06, 200


def patches_of(images):
    """All patches, brightness and contrast taken out: float32 (n, rows, columns, 3 * SIDE**2)."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (SIDE, SIDE), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
    flat = windows.reshape(*windows.shape[:3], 3 * SIDE * SIDE).astype(np.float32)
    flat -= flat.mean(axis=-1, keepdims=True)
    return flat / (flat.std(axis=-1, keepdims=True) + 3)


def features(images, filters):
    found = []
    for start in range(0, len(images), PART):
        answers = patches_of(images[start : start + PART]) @ filters
        answers = np.maximum(answers - answers.mean(axis=-1, keepdims=True), 0)
        rows = np.array_split(answers, POOLS, axis=1)
        pooled = [piece.mean(axis=(1, 2)) for row in rows for piece in np.array_split(row, POOLS, axis=2)]
        found.append(np.concatenate(pooled, axis=1))
    return np.sqrt(np.concatenate(found))


def train(images, labels, *, seed, device):
    rng = np.random.default_rng(seed)
    sample = patches_of(images[rng.permutation(len(images))[:400]]).reshape(-1, 3 * SIDE * SIDE)
    values, vectors = np.linalg.eigh(np.cov(sample.T))
    whitening = (vectors / np.sqrt(values + 0.02) @ vectors.T).astype(np.float32)
    filters = (sample[rng.permutation(len(sample))[:FILTERS]] @ whitening).T
    filters = whitening @ (filters / np.linalg.norm(filters, axis=0))
    size = POOLS * POOLS * FILTERS + 1
    gram, cross = np.zeros((size, size), np.float32), np.zeros((size, 10), np.float32)
    mean = deviation = None
    for version in (images, images[:, :, ::-1]):
        found = features(version, filters)
        if mean is None:
            mean, deviation = found.mean(axis=0), found.std(axis=0) + 1e-3
        found = np.pad((found - mean) / deviation, ((0, 0), (0, 1)), constant_values=1.0)
        gram += found.T @ found
        cross += found.T @ (2 * np.eye(10, dtype=np.float32)[labels] - 1)
    gram[np.diag_indices(size)] += RIDGE * len(images)
    return filters, mean, deviation, np.linalg.solve(gram, cross)


def predict(model, images):
    filters, mean, deviation, weights = model
    found = (features(images, filters) - mean) / deviation
    return (found @ weights[:-1] + weights[-1]).argmax(axis=1).astype(np.int64)
