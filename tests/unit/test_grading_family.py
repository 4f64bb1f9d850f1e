"""One examiner is started for an assignment; further workers get clones, which end before it does."""

from __future__ import annotations

import os
import select
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from grader.course import load_course, read_suites, select_assignments
from grader.errors import SuiteError
from grader.grading.family import ExaminerFamily
from grader.grading.intake import Submission, read_submission
from grader.grading.pipeline import AssignmentGrader, Settings
from grader.grading.plan import make_task
from grader.model import GradeReport, Status, SubmissionFiles
from tests.fakes.examiner import FakeExaminer, fake_examiner, make_assignment
from tests.functional.courses.tools import name_of

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


def two_graders(folder: Path) -> tuple[list[AssignmentGrader], Submission, SubmissionFiles]:
    """Of one family, with a right submission."""
    course = load_course(ROOT)
    (assignment,) = select_assignments(course, ["conv_output_size"])
    task = make_task(course, assignment, read_suites(assignment), "bubblewrap")
    (folder / "conv_output_size.py").write_bytes(assignment.solution.read_bytes())
    submission = Submission("ada", assignment, folder)
    family, settings = ExaminerFamily(), Settings(course.seed, "bubblewrap")
    graders = [AssignmentGrader(task, settings, (), family) for _ in range(2)]
    return graders, submission, read_submission(submission, task.handout)


def test_a_real_clone_grades_and_is_replaced_when_its_origin_is_lost(tmp_path: Path) -> None:
    (first, second), submission, files = two_graders(tmp_path)
    assignment = submission.assignment
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
        again = second.grade(submission, files)
        assert isinstance(again, GradeReport)
        assert again.score == assignment.points
    finally:
        second.close()
        first.close()


def test_an_examiner_whose_zygote_has_ended_is_cloned_and_grades_on(tmp_path: Path) -> None:
    (first, second), submission, files = two_graders(tmp_path)
    assignment = submission.assignment
    try:
        first.grade(submission, files)
        examiner = first._client._process.pid  # type: ignore[union-attr]
        children = Path(f"/proc/{examiner}/task/{examiner}/children").read_text(encoding="ascii").split()
        (zygote,) = (each for each in children if name_of(int(each)) == "bwrap")
        pidfd = os.pidfd_open(int(zygote))
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        gone = select.poll()
        gone.register(pidfd, select.POLLIN)
        assert gone.poll(20_000)
        os.close(pidfd)
        for grader in (second, first):
            report = grader.grade(submission, files)
            assert isinstance(report, GradeReport)
            assert report.score == assignment.points
    finally:
        second.close()
        first.close()
