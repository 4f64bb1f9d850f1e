"""Visible tests, with an em dash — and the docstring of
two lines."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.mark.points(1, title="ones", needs=("test_random_batch",), hint="é: no spread")
def test_ones(submission):
    mean, variance = submission.statistics(np.ones((3, 2)))
    assert mean.tolist() == [1.0, 1.0]
    assert variance.tolist() == [0.0, 0.0]


@pytest.mark.points(
    0.5,
    title="random rows",
    hint="rows",
    needs=(
        "test_random_batch",
    ),
)
def test_rows(submission, rng, score):
    score(0.5)
    assert submission.statistics(rng.normal(size=(4, 3)))[0].shape == (3,)
