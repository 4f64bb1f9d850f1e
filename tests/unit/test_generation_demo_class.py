"""The demo class's hand-ins of a timed task."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from grader.course import load_course
from grader.generation import demo_class
from grader.generation.demo_class import STUDENTS, demo_files
from grader.generation.stub import make_stub
from grader.model import Course
from tests.functional.courses.timed_tools import RIGHT, TASK, make_timed_course


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_timed_course(tmp_path)


def hand_ins(course: Course) -> dict[str, bytes]:
    """What each student hands in of the timed task."""
    return {path.parts[0]: data or b"" for path, data in demo_files(course) if path.parts[1] == TASK}


def test_twelve_hand_it_in_and_everybody_the_other(root: Path) -> None:
    course = load_course(root)
    found = hand_ins(course)
    assert tuple(found) == STUDENTS[:12]
    assert len([path for path, _ in demo_files(course) if path.parts[1] == "plain"]) == len(STUDENTS)
    assert hand_ins(course) == found  # the same each time


def test_they_are_a_mix(root: Path) -> None:
    course = load_course(root)
    [assignment] = [each for each in course.assignments if each.name == TASK]
    counted = Counter(hand_ins(course).values())
    examples = root / "autotests" / TASK
    assert counted[make_stub(RIGHT, assignment.solution).encode()] == 1
    assert counted[RIGHT.replace("def ", "def def ", 1).encode()] == 1
    right = counted[RIGHT.encode()] + counted[(examples / "alternatives/loop.py").read_bytes()]
    [wrong] = [count for data, count in counted.items() if b"# mistake: The images that predict gets" in data]
    assert right + wrong == 10
    assert right >= wrong >= 3


def test_mistakes_that_only_training_finds_come_first_and_of_those_the_ones_that_log(root: Path) -> None:
    mistakes = root / "autotests" / TASK / "mistakes"
    for name, caught_by, code in (
        ("a_suite", "test_labels, accuracy", "log(epoch=1)"),
        ("b_silent", "accuracy", "pass"),
        ("c_logs", "accuracy", "log(epoch=1)"),
        ("d_suite_alone", "test_labels", "pass"),
    ):
        text = f"# mistake: {name}.\n# caught by: {caught_by}\n# hint: x\n{code}\n"
        (mistakes / f"{name}.py").write_text(text, encoding="utf-8")
    (mistakes / "lying_down.py").unlink()
    found = [data for data in hand_ins(load_course(root)).values() if b"# mistake: " in data]
    names = [data.decode().partition("# mistake: ")[2].partition(".")[0] for data in found]
    assert names[:4] == ["c_logs", "b_silent", "a_suite", "d_suite_alone"]


def test_what_needs_a_framework_that_is_not_here_is_left_out(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "autotests" / TASK / "alternatives" / "keras.py").write_text("import keras\n", encoding="utf-8")
    monkeypatch.setattr(demo_class, "missing_framework", lambda files: "keras" if "keras" in files.source else "")
    assert not [data for data in hand_ins(load_course(root)).values() if b"import keras" in data]
    monkeypatch.setattr(demo_class, "missing_framework", lambda files: "")
    assert [data for data in hand_ins(load_course(root)).values() if b"import keras" in data]
