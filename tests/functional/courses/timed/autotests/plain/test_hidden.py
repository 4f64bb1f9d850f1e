import pytest

from grader.testing import assert_int


@pytest.mark.points(0.5, title="double of any number", hint="Multiply by 2.", needs=("test_double_example",))
def test_double(submission, rng):
    x = int(rng.integers(100, 1000))
    assert_int(submission.double(x), 2 * x, what="double")
