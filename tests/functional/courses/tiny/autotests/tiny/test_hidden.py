# PLANTED_comment: nothing of this file may ever be shown to a student.
import numpy as np
import pytest

from grader.testing import assert_array, assert_int, assert_number, assert_raises_value_error, unpack

PLANTED_CONSTANT = 8675309.25


def planted_helper(answer, x):
    """PLANTED_docstring"""
    return all(isinstance(entry, float) for entry in answer) and answer == (x.min(), x.max())


@pytest.mark.points(2, title="mean of any array", hint="All entries weigh the same.", needs=("test_mean_example",))
def test_mean(submission, rng):
    x = rng.normal(size=5)
    assert_number(submission.mean(x), float(x.mean()), what="mean")


@pytest.mark.points(2, title="scale keeps the shape", hint="Multiply the whole array at once.")
def test_scale(submission, rng):
    x = rng.normal(size=(2, 3)) + PLANTED_CONSTANT
    assert_array(submission.scale(x, 3.0), 3.0 * x, what="scale", dtype=np.float64)
    assert_array(submission.scale(x, factor=0.5), 0.5 * x, what="scale with factor=…", dtype=np.float64)


@pytest.mark.points(2, title="span of any array", hint="First the smallest, then the largest.")
@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["PLANTED_plus", "PLANTED_minus"])
def test_span(submission, sign):
    x = sign * np.array([PLANTED_CONSTANT, 90125.5])
    answer = unpack(submission.span(x), 2, what="span")
    assert planted_helper(answer, x), f"PLANTED_assertion {PLANTED_CONSTANT}"


@pytest.mark.points(2, title="root, and a ValueError for negative numbers", hint="Look at the sign first.")
def test_root(submission):
    assert_number(submission.root(90125.5**2), 90125.5, what="root")
    assert_raises_value_error(submission.root, -90125.5, what="root of a negative number")


@pytest.mark.points(2, title="power, and the power of 0", hint="The power of 0 is 1.", needs=("test_power_example",))
def test_power(submission, rng, score):
    base = int(rng.integers(1000, 2000))
    assert_int(submission.power(base, 5), base**5, what="power")
    score(0.5)
    assert_int(submission.power(base, 0), 1, what="the power of 0")
    score(1.0)
