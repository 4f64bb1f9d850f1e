"""The examiner that stays warm in one process of nbgrader's, which may be a Jupyter server that runs for weeks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from grader.course import load_course
from grader.errors import InfrastructureError
from grader.grading.intake import Submission
from grader.grading.pipeline import MAX_RESTARTS, AssignmentGrader
from grader.nbgrader_plugin.warm import WarmGraders, classroom_task

ROOT = Path(__file__).parents[2]
A = "conv_output_size"


def test_a_machine_that_was_mended_grades_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it failed before: nobody restarts a server for that."""
    course = load_course(ROOT)
    task = classroom_task(course, A)
    shutil.copy(task.assignment.solution, tmp_path)
    submission = Submission("ada", task.assignment, tmp_path)
    start = AssignmentGrader._start
    warm = WarmGraders()

    def fail(_grader: AssignmentGrader) -> Any:
        raise InfrastructureError("bubblewrap is not installed")

    try:
        monkeypatch.setattr(AssignmentGrader, "_start", fail)
        for _ in range(MAX_RESTARTS + 3):
            with pytest.raises(InfrastructureError, match="bubblewrap is not installed"):
                warm.grade(course, task, submission)
        monkeypatch.setattr(AssignmentGrader, "_start", start)
        assert warm.grade(course, task, submission).score == task.assignment.points
    finally:
        warm.close()
