"""Metrics on hidden labels."""

from __future__ import annotations

import numpy as np
import pytest

from gpu_runner.metrics import METRICS, accuracy, balanced_accuracy
from grader.course import timed

LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64)


def test_the_names_are_those_that_an_assignment_may_give() -> None:
    assert tuple(METRICS) == timed.METRICS


def test_accuracy_is_the_share_of_hits() -> None:
    assert accuracy(LABELS, np.array([0, 0, 0, 1, 1, 1, 1, 0]), 2) == 0.5


def test_a_rare_class_weighs_as_much_as_a_frequent_one() -> None:
    majority = np.zeros(8, np.int64)
    assert accuracy(LABELS, majority, 2) == 0.75
    assert balanced_accuracy(LABELS, majority, 2) == 0.5
    assert balanced_accuracy(LABELS, np.array([0, 0, 0, 1, 1, 1, 1, 1]), 2) == 0.75


def test_a_class_without_images_does_not_count() -> None:
    assert balanced_accuracy(LABELS, LABELS, 10) == 1.0


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_class_that_does_not_exist_is_a_wrong_answer(metric: object) -> None:
    assert callable(metric)
    for answer in (-1, 2, np.iinfo(np.int64).max, np.iinfo(np.int64).min):
        assert metric(LABELS, np.full(8, answer, np.int64), 2) == 0.0


@pytest.mark.parametrize("metric", METRICS.values())
@pytest.mark.parametrize(
    ("labels", "predictions"),
    [
        (LABELS, LABELS[:7]),
        (LABELS, LABELS[:, None]),
        (LABELS, LABELS[:1]),
        (LABELS[:0], LABELS[:0]),
        (LABELS - 1, LABELS),
        (LABELS + 1, LABELS),
    ],
    ids=["fewer", "a column", "one for all", "none", "a negative label", "a label too large"],
)
def test_what_cannot_be_compared_is_refused(metric: object, labels: np.ndarray, predictions: np.ndarray) -> None:
    assert callable(metric)
    with pytest.raises(ValueError, match=r"\(m,\)|no class"):
        metric(labels, predictions, 2)
