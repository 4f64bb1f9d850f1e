"""The tensorflow environment: a zygote that has only imported it, guests that compute with it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="tensorflow is not installed")

SOLUTION = '''
import tensorflow as tf


def total(x):
    ### BEGIN SOLUTION
    return tf.reduce_sum(tf.matmul(x, tf.transpose(x)))
    ### END SOLUTION


def fit(steps):
    ### BEGIN SOLUTION
    weight = tf.Variable(0.0)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = (weight - 3.0) ** 2
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
    return weight
    ### END SOLUTION
'''

VISIBLE = '''
import pytest


@pytest.mark.points(1, title="the total", hint="sum over x times x transposed")
def test_total(submission, rng):
    import tensorflow as tf

    x = rng.standard_normal((3, 2))
    out = submission.total(tf.constant(x))
    assert isinstance(out, tf.Tensor)
    assert out.shape == ()
    assert out.dtype == tf.float64
    assert abs(float(out) - (x @ x.T).sum()) < 1e-9
'''

HIDDEN = '''
import pytest


@pytest.mark.points(1, title="the fit", hint="follow the gradient")
def test_fit(submission):
    assert abs(float(submission.fit(50)) - 3.0) < 1e-3
'''


def test_submissions_compute_with_tensorflow(tmp_path: Path) -> None:
    files = {
        "course.toml": 'name = "tensors"\nseed = 1\n',
        "solutions/tensors/assignment.toml": (
            'title = "t"\nsummary = "s"\nenvironment = "tensorflow"\npoints = 2.0\norder = 1\n'
        ),
        "solutions/tensors/tensors.py": SOLUTION,
        "autotests/tensors/test_visible.py": VISIBLE,
        "autotests/tensors/test_hidden.py": HIDDEN,
        "submitted/right/tensors/tensors.py": SOLUTION,
        "submitted/half/tensors/tensors.py": SOLUTION.replace("- 3.0", "- 4.0"),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    command = [sys.executable, "-m", "grader.cli.main", "grade", "--json"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
    scores = {entry["student"]: entry["score"] for entry in json.loads(result.stdout)}
    assert scores == {"right": 2.0, "half": 1.0}
