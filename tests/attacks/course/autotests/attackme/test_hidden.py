"""Hidden tests of attackme. Whoever finds HIDDEN-SUITE-7f3a9c somewhere else has found a leak."""

import numpy as np
import pytest

from grader.testing import (
    WrongAnswer,
    assert_array,
    assert_int,
    assert_number,
    assert_raises_value_error,
    unchanged,
)

WATERMARK = "HIDDEN-SUITE-7f3a9c"
# Shared by tests, as a suite's worked example is: an attack may try to change it for those that come later.
EXAMPLE = np.array([3.0, 1.0, 4.0, 1.0, 5.0])


@pytest.mark.points(1, title="add: any size")
def test_add(submission, rng):
    for n in (1, 5):
        a, b = rng.normal(size=n), rng.normal(size=n)
        expected = a + b
        assert_array(submission.add(a, b), expected, what="add", dtype=np.float64)


@pytest.mark.points(1, title="add: compared after the call")
def test_add_compared_later(submission, rng):
    a, b = rng.normal(size=6), rng.normal(size=6)
    assert_array(submission.add(a, b), a + b, what="add", dtype=np.float64)


@pytest.mark.points(1, title="add: its arguments stay as they are")
def test_add_changes_nothing(submission, rng):
    a, b = rng.normal(size=4), rng.normal(size=4)
    expected = a + b
    with unchanged(a=a, b=b):
        actual = submission.add(a, b)
    assert_array(actual, expected, what="add")


@pytest.mark.points(1, title="mean_square")
def test_mean_square(submission, rng):
    y, p = rng.normal(size=7), rng.normal(size=7)
    assert_number(submission.mean_square(y, p), ((y - p) ** 2).sum() / 7, what="mean_square")


@pytest.mark.points(1, title="twice")
def test_twice(submission, rng):
    factor, x = rng.uniform(2, 3), rng.normal(size=3)
    seen = []

    def f(value):
        seen.append(value)
        return value * factor

    assert_array(submission.twice(f, x), x * factor * factor, what="twice")
    if len(seen) != 2:
        raise WrongAnswer("twice should call the function two times.")


@pytest.mark.points(1, title="Counter")
def test_counter(submission, rng):
    start, by = (int(n) for n in rng.integers(10, 1000, size=2))
    counter = submission.Counter(start)
    assert_int(counter.total, start, what="total")
    assert_int(counter.step(by).step(2).total, start + by + 2, what="total")


@pytest.mark.points(1, title="shuffled")
def test_shuffled(submission, rng):
    items, seed = list(range(20)), int(rng.integers(2**31))
    ours = np.random.default_rng(seed)
    expected = [items[i] for i in np.random.default_rng(seed).permutation(20)]
    if submission.shuffled(items, ours) != expected:
        raise WrongAnswer("shuffled gives another order.")


@pytest.mark.points(1, title="positive")
def test_positive(submission, rng):
    x = float(rng.uniform(1, 2))
    assert_number(submission.positive(x), x, what="positive")
    assert_raises_value_error(submission.positive, -x, what="positive below zero")
    assert_raises_value_error(submission.positive, 0.0, what="positive of zero")


@pytest.mark.points(1, title="describe")
def test_describe(submission, rng):
    x = rng.normal(size=9)
    told = submission.describe(x)
    if not isinstance(told, dict) or set(told) != {"min", "max", "n"}:
        raise WrongAnswer("describe should return a dict with the keys min, max and n.")
    assert_number(told["min"], x.min(), what="min")
    assert_number(told["max"], x.max(), what="max")
    assert_int(told["n"], 9, what="n")


@pytest.mark.points(1, title="describe: the example")
def test_describe_example(submission):
    told = submission.describe(EXAMPLE)
    if not isinstance(told, dict):
        raise WrongAnswer("describe should return a dict.")
    assert_number(told["min"], 1.0, what="min")
    assert_number(told["max"], float(EXAMPLE.max()), what="max")


@pytest.mark.points(1, title="last")
def test_last(submission, rng):
    items = [float(x) for x in rng.normal(size=5)]
    assert_number(submission.last(items), items[4], what="last")
