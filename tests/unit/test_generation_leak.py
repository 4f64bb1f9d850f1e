"""The leak lint: what it finds, where it says it is, and what it rightly leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.errors import LeakError
from grader.generation.leak import Secret, check_leaks, is_trivial

SECRET = Secret("    grad_w = X.T @ residuals / len(y)  # mean", "solutions/a/a.py:7", "solution")
SHORT = Secret("    return X @ w + b", "solutions/a/a.py:9", "solution")


def notebook(**cell: object) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": [], "metadata": {}, **cell}]}, indent=1)


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("a.py", "x\n  grad_w=X.T@residuals / len( y )   # mean\n", 2),
        ("a.py", "# %% [markdown]\n# return X @ w + b\n", 2),
        ("README.md", "Hint: `grad_w = X.T @ residuals / len(y)  # mean`, see?", 1),
        ("a.ipynb", notebook(source=["x\n", "return X @ w + b"]), 7),
        ("a.ipynb", notebook(outputs=[{"text": "x\nreturn X @ w + b\n"}]), 9),
        ("a.ipynb", notebook(metadata={"note": "grad_w = X.T @ residuals / len(y)  # mean"}), 7),
        ("a.ipynb", notebook(metadata={"grad_w = X.T @ residuals / len(y) # mean": "é"}), 7),
        ("a.ipynb", notebook(source="return X @ w + b").replace("return ", "return\\u0020"), 1),  # escaped: no line
    ],
)
def test_a_leaked_line_is_found_with_the_places_of_both(file: str, text: str, line: int) -> None:
    path = Path("assignments/it's a") / file
    with pytest.raises(LeakError) as caught:
        check_leaks({path: text}, [SECRET, SHORT], public=["def f(): ..."])
    assert caught.value.where == f"{path}:{line}"
    assert "solutions/a/a.py:" in caught.value.remedy
    assert "line of a solution" in caught.value.what


def test_public_and_trivial_lines_are_no_secrets() -> None:
    secrets = [SECRET, SHORT, Secret("import numpy as np", "a:1", "mistake"), Secret("", "a:2", "mistake")]
    text = "import numpy as np\n\nreturn X @ w + b\n    grad_w = X.T @ residuals / len(y)  # mean\n"
    check_leaks({Path("a.py"): text}, secrets, public=[SECRET.text, f"\n# {SHORT.text}"])


def test_a_part_of_a_public_line_is_no_secret() -> None:
    secret = Secret("assert loss == pytest.approx(0.25)", "t:1", "hidden test")
    check_leaks({Path("t.py"): f"{secret.text}  # visible"}, [secret], public=[f"{secret.text}  # visible"])


def test_short_secrets_count_as_whole_lines_only() -> None:
    check_leaks({Path("README.md"): "You may return X @ w + b or more."}, [SHORT], public=[])


def test_the_expression_alone_is_a_leak_too() -> None:
    for lead in ("", "loss = ", "with "):
        with pytest.raises(LeakError):
            check_leaks({Path("README.md"): f"{lead}X.T @ residuals / len(y)  # mean"}, [SECRET], public=[])


def test_a_hidden_tests_name_is_found_as_a_word() -> None:
    check_leaks({Path("t.py"): "def test_loss_by_hand(): ..."}, [], public=[], names=["test_loss"])
    with pytest.raises(LeakError, match="name of the hidden test test_loss") as caught:
        check_leaks({Path("t.py"): "x\n# see test_loss."}, [], public=[], names=["test_x", "test_loss"])
    assert caught.value.where == "t.py:2"


@pytest.mark.parametrize(
    "line",
    ["", "   ", "# ------------------------", "else:", "return w, b", "return self.weights", "import torch.nn as nn",
     "from torch.nn import functional as F", "@pytest.fixture", "n_rows, d = X.shape", "rows = X.shape[0]",
     "count = len(labels)", "for epoch in range(epochs):", "w = w0"],
)  # fmt: skip
def test_trivial_lines(line: str) -> None:
    assert is_trivial(line)


@pytest.mark.parametrize(
    "line",
    ["return X @ w + b", "w -= rate * grad", "return -(-n // stride)", "# divide by the batch size",
     "for start in range(0, n, batch_size):", "return np.mean(residuals)"],
)  # fmt: skip
def test_lines_that_give_something_away(line: str) -> None:
    assert not is_trivial(line)
