"""How well predictions fit the hidden labels: one figure from 0 to 1 per run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
Metric = Callable[[Labels, Labels, int], float]


def accuracy(labels: Labels, predictions: Labels, classes: int) -> float:
    """Share of the images whose class was predicted.

    :param labels: (m,) true classes, 0 … classes - 1.
    :param predictions: (m,) predicted classes; one that does not exist is a wrong answer.
    :raises ValueError: the shapes differ, there is no image, or a label is no class.
    """
    _check(labels, predictions, classes)
    return float(np.mean(labels == predictions))


def balanced_accuracy(labels: Labels, predictions: Labels, classes: int) -> float:
    """Mean over the classes of their recall, so that a rare class weighs as much as a frequent one.

    A class of which there is no hidden image has no recall and does not count. Parameters and errors are those of
    :func:`accuracy`.
    """
    _check(labels, predictions, classes)
    images = np.bincount(labels, minlength=classes)
    hits = np.bincount(labels[labels == predictions], minlength=classes)
    there = images > 0
    return float(np.mean(hits[there] / images[there]))


# Each takes labels (m,), predictions (m,) and the number of classes; the names are those of grader/course/timed.py.
METRICS: Mapping[str, Metric] = {"accuracy": accuracy, "balanced accuracy": balanced_accuracy}


def _check(labels: Labels, predictions: Labels, classes: int) -> None:
    if labels.ndim != 1 or labels.shape != predictions.shape or not labels.size:
        raise ValueError(f"labels of shape {labels.shape} and predictions of shape {predictions.shape}: one (m,) each")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"a label is no class: they run from 0 to {classes - 1}")
