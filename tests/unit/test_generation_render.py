"""The handout's text."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from grader.generation.render import make_handout
from grader.model import Assignment, Environment, Limits, TestSpec

SPECS = (
    TestSpec("test_a", "visible | one", 1.0, "a visible hint", True),
    TestSpec("test_b", "hidden *two*", 0.25, "a hidden hint", False),
)


def handout(due: datetime.datetime | None = None, environment: Environment = Environment.NUMPY) -> str:
    assignment = Assignment(
        "a", "Title", "Summary.", environment, 1.25, Limits(), 1, due, Path("solutions/a/a.py"), Path("autotests/a")
    )
    return make_handout(assignment, SPECS)


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
        (datetime.datetime(2026, 12, 31, 9, 0, tzinfo=datetime.UTC), "Due Thursday, 31 December 2026, 09:00 (UTC+00:00)"),
        (None, None),
    ],
)
def test_the_due_date_is_in_words(due: datetime.datetime | None, expected: str | None) -> None:
    if expected:
        assert expected in handout(due)
    else:
        assert "Due" not in handout(due)


def test_it_names_the_packages_of_the_environment() -> None:
    assert "pip install numpy matplotlib torch pytest" in handout(environment=Environment.TORCH)
    assert "torch" not in handout()
