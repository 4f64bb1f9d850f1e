"""The handout's text."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from grader.generation.render import _cell, make_handout, packages_of
from grader.model import Assignment, Environment, Limits, TestSpec

SPECS = (
    TestSpec("test_a", "visible | one", 1.0, "a visible hint", True),
    TestSpec("test_b", "hidden *two*", 0.25, "a hidden hint", False),
)


def handout(due: datetime.datetime | None = None) -> str:
    assignment = Assignment(
        "a", "Title", "Summary.", Environment.NUMPY, 1.25, Limits(), 1, due, Path("solutions/a.py"), Path("autotests/a")
    )
    return make_handout(assignment, SPECS, ["numpy", "pytest"])


def test_of_hidden_tests_it_tells_title_and_points_alone() -> None:
    text = handout()
    assert "| 1 | visible \\| one | 1 | visible |" in text
    assert "| 2 | hidden \\*two\\* | 0.25 | hidden |" in text
    assert "| | **total** | **1.25** | |" in text
    assert "test_b" not in text
    assert "hint" not in text


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (datetime.datetime(2026, 3, 1, 8, 5), "**Due Sunday, 1 March 2026, 08:05.**"),
        (datetime.datetime(2026, 5, 31, 9, 0, tzinfo=datetime.UTC), "**Due Sunday, 31 May 2026, 09:00 (UTC+00:00).**"),
        (None, None),
    ],
)
def test_the_due_date_is_in_words(due: datetime.datetime | None, expected: str | None) -> None:
    if expected:
        assert expected in handout(due)
    else:
        assert "Due" not in handout(due)


@pytest.mark.parametrize(
    ("stub", "visible", "expected"),
    [
        ("import math\nimport torch.nn as nn", "from sklearn import datasets", ["pytest", "scikit-learn", "torch"]),
        ("", "def test_x(submission, rng): ...", ["numpy", "pytest"]),
        ("from os import path", "import pytest", ["pytest"]),
    ],
)
def test_packages_are_what_the_files_import(stub: str, visible: str, expected: list[str]) -> None:
    assert packages_of(stub, visible) == expected
    assert "`pip install numpy pytest`" in handout()


def test_titles_that_look_like_markup_are_shown_as_they_are() -> None:
    shown = {
        "p < 1 * q, train_neuron": "p < 1 * q, train_neuron",
        "a|b *c* <b> __init__ \\": r"a\|b \*c\* \<b> \_\_init\_\_ \\",
    }
    assert {text: _cell(text) for text in shown} == shown
