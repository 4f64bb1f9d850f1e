"""[late] in course.toml: what is accepted, what is refused and with which words, and what a late hand-in loses."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from grader.course import late, load_course, penalty
from grader.course.late import DAY, MINUTE
from grader.errors import ConfigError
from grader.model import LatePolicy

HEAD = 'name = "c"\nseed = 1\n'  # two lines; what a test adds begins on the third


def course(tmp_path: Path, text: str) -> Path:
    root = tmp_path / "a 'course' #1"
    root.mkdir()
    (root / "course.toml").write_text(HEAD + text, encoding="utf-8")
    return root


def test_without_the_table_late_work_loses_nothing(tmp_path: Path) -> None:
    policy = load_course(course(tmp_path, "")).late
    assert policy == LatePolicy()
    assert penalty(policy, 10.0, 1000 * DAY) is None


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("percent_per_day = 10", LatePolicy(percent_per_day=10.0)),
        ("zero_after_days = 0", LatePolicy(zero_after_days=0)),
        (
            "grace_minutes = 15\npercent_per_day = 12.5\nmost_percent = 50\nzero_after_days = 7",
            LatePolicy(grace_minutes=15, percent_per_day=12.5, most_percent=50.0, zero_after_days=7),
        ),
        ("percent_per_day = 20\nmost_percent = 20", LatePolicy(percent_per_day=20.0, most_percent=20.0)),
    ],
)
def test_the_table_loads(tmp_path: Path, text: str, policy: LatePolicy) -> None:
    assert load_course(course(tmp_path, f"[late]\n{text}\n")).late == policy


@pytest.mark.parametrize(
    ("text", "line", "what", "remedy"),
    [
        ("late = 10", 3, '"late" is an integer', r"a table: \[late\]"),
        ("[late]", 3, "deducts nothing", "percent_per_day = 10"),
        ("[late]\ngrace_minutes = 5", 3, "deducts nothing", "remove the table"),
        ("[late]\npercent_a_day = 5", 4, '"late.percent_a_day"', 'did you mean "percent_per_day"'),
        ("[late]\npercent_per_day = 0", 4, '"late.percent_per_day" is 0', "above 0 and at most 100"),
        ("[late]\npercent_per_day = 101", 4, "101", "at most 100"),
        ("[late]\npercent_per_day = nan", 4, "nan", "above 0"),
        ('[late]\npercent_per_day = "10 %"', 4, "a string", "a number"),
        ("[late]\npercent_per_day = 20\nmost_percent = 10", 5, '"late.most_percent" is 10', "first day"),
        ("[late]\npercent_per_day = 20\nmost_percent = 110", 5, "110", "at most 100"),
        ("[late]\npercent_per_day = 20\ngrace_minutes = -1", 5, "-1", "from 0"),
        ("[late]\npercent_per_day = 20\ngrace_minutes = 0.5", 5, "a float", "an integer"),
        ("[late]\nzero_after_days = 367", 4, "367", "to 366"),
        ("[late]\nzero_after_days = true", 4, "a boolean", "an integer"),
    ],
)
def test_a_wrong_table_names_line_key_and_remedy(
    tmp_path: Path, text: str, line: int, what: str, remedy: str
) -> None:
    root = course(tmp_path, text + "\n")
    with pytest.raises(ConfigError) as caught:
        load_course(root)
    assert caught.value.where == f"{root}/course.toml:{line}"
    assert re.search(what, caught.value.what), caught.value.what
    assert re.search(remedy, caught.value.remedy), caught.value.remedy


@pytest.mark.parametrize(
    ("seconds", "lost"),
    [
        (-DAY, None),
        (0, None),
        (30 * MINUTE, None),  # the last second of the grace
        (30 * MINUTE + 0.5, 1.0),
        (30 * MINUTE + DAY, 1.0),
        (30 * MINUTE + DAY + 0.5, 2.0),
        (3.9 * DAY, 2.5),  # the cap
        (30 * MINUTE + 5 * DAY, 2.5),
        (30 * MINUTE + 5 * DAY + 0.5, 10.0),
    ],
)
def test_each_day_that_has_begun_after_the_grace_counts(seconds: float, lost: float | None) -> None:
    policy = LatePolicy(grace_minutes=30, percent_per_day=10, most_percent=25, zero_after_days=5)
    assert penalty(policy, 10.0, seconds) == lost


def test_late_is_zero() -> None:
    policy = LatePolicy(zero_after_days=0)
    assert (penalty(policy, 10.0, 0), penalty(policy, 10.0, 1)) == (None, 10.0)


@pytest.mark.parametrize("score", [0.0, -1.0])
def test_there_is_nothing_to_lose_below_zero(score: float) -> None:
    assert penalty(LatePolicy(percent_per_day=100), score, DAY) is None


def test_no_more_is_lost_than_was_earned() -> None:
    for tenths in range(1, 200):
        score = tenths / 10
        assert penalty(LatePolicy(percent_per_day=100), score, DAY) == score


def test_doctests() -> None:
    assert doctest.testmod(late).failed == 0
