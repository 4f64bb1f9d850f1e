import numpy as np
import pytest


@pytest.mark.points(3, title="a * b | <any> batch", hint="the variance divides by n")
def test_random_batch(submission, rng):
    batch = rng.normal(size=(8, 3))
    assert np.allclose(submission.statistics(batch)[1], np.var(batch, axis=0))
