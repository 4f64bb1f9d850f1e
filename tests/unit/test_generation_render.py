"""The handout's text."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest

from grader.course.timed import timed_specs
from grader.generation.render import _cell, make_handout, packages_of
from grader.model import Assignment, Environment, Limits, TestSpec, Timed

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


TIMED = Timed("digits", 1347, 450, 0.95, 5.0, 3.0, 20.0, 30.0)


def timed_handout(timed: Timed) -> str:
    folder = Path("autotests/a")
    assignment = Assignment(
        "a", "Title", "Summary.", Environment.NUMPY, 9.0, Limits(), 1, None, Path("solutions/a.py"), folder, timed
    )
    return make_handout(assignment, (SPECS[0], *timed_specs(timed)), ["pytest"])


def test_a_timed_task_tells_how_its_runs_are_judged() -> None:
    text = timed_handout(TIMED)
    assert "| 2 | Accuracy on hidden images: 95 % | 5 | timed run |" in text
    assert "| 3 | Trained and predicted within the time limit | 3 | timed run |" in text
    assert "at least 3 times; where the mean lies near a threshold, up to 6 times" in text
    assert "The limit is 20 times the time of the course's own solution" in text
    assert "never below 30 seconds" in text
    assert "may have 256 KiB" in text
    assert "the hidden tests call" not in text
    assert "How your training is judged" not in handout()


@pytest.mark.parametrize(
    ("timed", "told"),
    [
        (TIMED, "The class numbers are renumbered in each run.\n"),
        (
            dataclasses.replace(TIMED, noise=1),
            "and all images, those for training too, are made darker or lighter by at most 1 in each pixel.\n",
        ),
        (
            dataclasses.replace(TIMED, noise=2, shift_pixels=1),
            "shifted by at most 1 pixel along each axis and made darker or lighter by at most 2 in each pixel.\n",
        ),
        (TIMED, "all\n  5 points, below it none. "),
        (dataclasses.replace(TIMED, part_from=0.8), "part marks begin at 80 % and rise in 4 equal steps. "),
    ],
)
def test_jitter_and_part_marks_are_told(timed: Timed, told: str) -> None:
    assert told in timed_handout(timed)


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
