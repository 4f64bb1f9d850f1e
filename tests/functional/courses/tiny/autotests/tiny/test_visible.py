import numpy as np
import pytest


@pytest.mark.points(1, title="mean of 1, 2 and 6", hint="Divide by how many there are.")
def test_mean_example(submission):
    answer = submission.mean(np.array([1.0, 2.0, 6.0]))
    assert isinstance(answer, (float, np.floating)), "mean should return a float"
    assert answer == 3.0


@pytest.mark.points(1, title="power of 2", hint="2 * 2 * 2 is 8.")
def test_power_example(submission):
    answer = submission.power(2, 3)
    assert type(answer) is int
    assert answer == 8
