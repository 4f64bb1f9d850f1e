"""Visible tests of attackme."""

import numpy as np
import pytest

from grader.testing import assert_array


@pytest.mark.points(1, title="add: two numbers")
def test_visible_add(submission):
    assert_array(submission.add(np.array([1.0, 2.0]), np.array([3.0, 4.0])), [4.0, 6.0], what="add")
