"""Writes the classic course's notebook: ``python make_notebook.py`` beside ``source``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

MARKDOWN = "# Gradient descent\n\nFit a line by gradient descent on half the mean squared error."

SOLUTION = '''import numpy as np

from shapes import check_shapes


def gradient(weights, inputs, targets):
    """Gradient of half the mean squared error."""
    ### BEGIN SOLUTION
    check_shapes(weights, inputs, targets)
    return inputs.T @ (inputs @ weights - targets) / len(targets)
    ### END SOLUTION
'''

DESCENT = '''def descend(inputs, targets, rate, steps):
    """Weights after ``steps`` steps from zero."""
    ### BEGIN SOLUTION
    weights = np.zeros(inputs.shape[1])
    for _ in range(steps):
        weights = weights - rate * gradient(weights, inputs, targets)
    return weights
    ### END SOLUTION
'''

TEST_GRADIENT = '''"""The gradient is zero where the line fits."""
inputs = np.loadtxt("points.txt")
targets = inputs @ np.array([2.0, -1.0])
assert np.allclose(gradient(np.array([2.0, -1.0]), inputs, targets), 0)
### BEGIN HIDDEN TESTS
assert np.allclose(gradient(np.zeros(2), inputs, targets), -inputs.T @ targets / len(targets))
### END HIDDEN TESTS
'''

TEST_PART = '''"""Two points: one for the direction, one for the length."""
points = 0.0
found = descend(inputs, targets, 0.1, 500)
if found[0] > 0 > found[1]:
    points += 1
### BEGIN HIDDEN TESTS
if np.allclose(found, [2.0, -1.0], atol=1e-3):
    points += 1
### END HIDDEN TESTS
points
'''

QUESTION = "Why does a rate that is too large diverge?"


def cell(make: Any, source: str, grade_id: str, **about: Any) -> Any:
    """A cell with nbgrader's metadata."""
    nbgrader = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    made = make(source, id=grade_id)
    made.metadata["nbgrader"] = {**nbgrader, "grade_id": grade_id, **about}
    return made


def notebook() -> Any:
    """The instructor's version."""
    made = new_notebook(
        cells=[
            new_markdown_cell(MARKDOWN, id="title"),
            cell(new_code_cell, SOLUTION, "gradient", solution=True),
            cell(new_code_cell, TEST_GRADIENT, "test_gradient", grade=True, locked=True, points=3),
            cell(new_code_cell, DESCENT, "descend", solution=True),
            cell(new_code_cell, TEST_PART, "test_descend", grade=True, locked=True, points=2),
            cell(new_markdown_cell, QUESTION, "why", grade=True, solution=True, points=1),
        ]
    )
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return made


if __name__ == "__main__":
    folder = Path(__file__).parent / "source" / "descent"
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook(), folder / "descent.ipynb")
