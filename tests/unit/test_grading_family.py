"""One examiner is started for an assignment; further workers get clones, which end before it does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from grader.course import load_course, read_suites, select_assignments
from grader.errors import SuiteError
from grader.grading.examiner_client import ExaminerLost
from grader.grading.family import ExaminerFamily
from grader.grading.intake import Submission, read_submission
from grader.grading.pipeline import AssignmentGrader, Settings
from grader.grading.plan import make_task
from grader.model import GradeReport, Status
from tests.fakes.examiner import FakeExaminer, fake_examiner, make_assignment

ROOT = Path(__file__).parents[2]


class Start:
    """Starts fakes, and counts them."""

    def __init__(self, root: Path) -> None:
        self.fake = fake_examiner()
        self.root = root

    def __call__(self) -> Any:
        return self.fake(make_assignment(self.root), started=lambda _: None)


def test_the_first_is_started_and_the_others_are_cloned(tmp_path: Path) -> None:
    family, start = ExaminerFamily(), Start(tmp_path)
    first, second, third = (family.join(start) for _ in range(3))
    assert isinstance(first, FakeExaminer)
    assert first.clones == [second, third]


def test_one_that_has_ended_is_not_cloned(tmp_path: Path) -> None:
    family, start = ExaminerFamily(), Start(tmp_path)
    first = family.join(start)
    first.kill()
    assert family.join(start) not in first.clones  # type: ignore[attr-defined]


def test_the_first_ends_after_its_clones(tmp_path: Path) -> None:
    family, start = ExaminerFamily(), Start(tmp_path)
    first, clone = family.join(start), family.join(start)
    leaving = threading.Thread(target=family.leave, args=(first,))
    leaving.start()
    assert first.alive, "its clone works on"
    family.leave(clone)
    leaving.join(timeout=20)
    assert not first.alive
    assert not clone.alive


def test_nobody_clones_one_that_is_about_to_end(tmp_path: Path) -> None:
    family, start = ExaminerFamily(), Start(tmp_path)
    first = family.join(start)
    family.leave(first)
    second = family.join(start)
    assert second is not first
    assert len(start.fake.made) == 2


def test_an_invalid_task_is_tried_once(tmp_path: Path) -> None:
    family = ExaminerFamily()
    tries = []

    def start() -> Any:
        tries.append(1)
        raise SuiteError("no tests")

    for _ in range(2):
        with pytest.raises(SuiteError, match="no tests"):
            family.join(start)
    assert len(tries) == 1


def test_a_real_clone_grades_and_is_replaced_when_its_origin_is_lost(tmp_path: Path) -> None:
    course = load_course(ROOT)
    (assignment,) = select_assignments(course, ["conv_output_size"])
    task = make_task(course, assignment, read_suites(assignment), "bubblewrap")
    (tmp_path / "conv_output_size.py").write_bytes(assignment.solution.read_bytes())
    submission = Submission("ada", assignment, tmp_path)
    files = read_submission(submission, task.handout)
    family, settings = ExaminerFamily(), Settings(course.seed, "bubblewrap")
    first, second = (AssignmentGrader(task, settings, (), family, 1) for _ in range(2))
    try:
        for grader in (first, second):
            report = grader.grade(submission, files)
            assert isinstance(report, GradeReport)
            assert (report.status, report.score) == (Status.GRADED, assignment.points)
        origin, clone = first._client, second._client
        assert origin is not None
        assert clone is not None
        assert type(clone) is not type(origin)
        origin.kill()
        assert clone._end.poll(20_000)  # type: ignore[attr-defined]
        lost = second.grade(submission, files)
        assert isinstance(getattr(lost, "error", None), ExaminerLost)
        again = second.grade(submission, files)
        assert isinstance(again, GradeReport)
        assert again.score == assignment.points
    finally:
        second.close()
        first.close()
