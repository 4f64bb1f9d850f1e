"""Examiners that stay warm between the notebooks that one process of nbgrader's grades, one after the other."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path

from grader.course import read_suites, select_assignments
from grader.errors import InfrastructureError, SubmissionError
from grader.grading.intake import Submission, read_submission
from grader.grading.pipeline import AssignmentGrader, Failure, InvalidTask, Settings, refused
from grader.grading.plan import Task, make_task
from grader.model import Course, GradeReport
from grader.sandbox.imports import all_source, imported_modules

# A Jupyter server grades when somebody clicks; some 300 MB of a warm framework need not wait for the next click longer.
IDLE_SECONDS = 120.0


class WarmGraders:
    """One warm examiner, of the assignment that was graded last."""

    def __init__(self, sandbox: str = "bubblewrap") -> None:
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self._grader: AssignmentGrader | None = None
        self._place: tuple[Path, str, str] | None = None  # course, assignment, key of the task
        self._preload: frozenset[str] = frozenset()
        self._timer: threading.Timer | None = None

    def grade(self, course: Course, task: Task, submission: Submission) -> GradeReport:
        """Grade one submission, with the outputs of its notebook's cells.

        :raises TaskError: the assignment is invalid.
        :raises InfrastructureError: the grader failed; there is no mark.
        """
        try:
            files = read_submission(submission, task.handout)
        except SubmissionError as error:
            return refused(submission, task, error)
        modules = imported_modules(all_source(files), notebook=files.cells is not None)
        with self._lock:
            self._stop_timer()
            grader = self._grader_of(course, task, frozenset(modules))
            try:
                event = grader.grade(submission, files)
            except InfrastructureError:
                self._end()  # it counts its starts; a server must not go on refusing once the machine is mended
                raise
            self._timer = threading.Timer(IDLE_SECONDS, self.close)
            self._timer.daemon = True
            self._timer.start()
        if isinstance(event, InvalidTask):
            self.close()
            raise event.error
        if isinstance(event, Failure):
            raise event.error
        return event

    def close(self) -> None:
        """End the processes. Safe to call twice, from any thread."""
        with self._lock:
            self._stop_timer()
            self._end()

    def _grader_of(self, course: Course, task: Task, modules: frozenset[str]) -> AssignmentGrader:
        """The warm one, where it is this task's and has imported what this submission needs; otherwise a new one."""
        place = (course.root, task.assignment.name, task.key)
        if self._place != place:
            self._preload = frozenset()
        if self._grader is None or self._place != place or not modules <= self._preload:
            self._end()
            self._preload |= modules
            settings = Settings(course.seed, self._sandbox, record=True)
            self._grader = AssignmentGrader(task, settings, tuple(sorted(self._preload)))
            self._place = place
        return self._grader

    def _end(self) -> None:
        grader, self._grader = self._grader, None
        if grader is not None:
            grader.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


WARM = WarmGraders()
atexit.register(WARM.close)


def classroom_task(course: Course, name: str, sandbox: str = "bubblewrap") -> Task:
    """The task of an assignment with its tests.

    :raises TaskError: its suites are invalid.
    :raises UsageError: the course has no such assignment.
    """
    (assignment,) = select_assignments(course, [name])
    return make_task(course, assignment, read_suites(assignment), sandbox)
