"""Autograding a whole class in parallel, into the folders and the gradebook that ``nbgrader autograde`` fills.

Workers examine or execute submissions; the caller's thread turns what they found into autograded notebooks and marks,
and is the only one that writes. A submission is done when its folder under ``autograded`` stands, which comes last: a
run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from grader.errors import InfrastructureError, SubmissionError, TaskError, UsageError
from grader.grading.intake import Submission
from grader.grading.pipeline import Event, Failure, InvalidTask, Settings, run_plan
from grader.grading.plan import Plan, Task, make_plan
from grader.model import Course, GradeReport, Status
from grader.nbgrader_plugin.folders import GRADED, AssignmentFolders, HandIn, timestamp
from grader.nbgrader_plugin.gradebook import ClassGradebook, NotebookMarks, ReleasedAssignment
from grader.nbgrader_plugin.outcomes import check_released, write_outcomes
from grader.nbgrader_plugin.steps import Steps, read_marks
from grader.nbgrader_plugin.unreadable import read_notebook, unreadable_page
from grader.nbgrader_plugin.warm import classroom_task


@dataclass(frozen=True, slots=True)
class Autograded:
    """One submission that now stands in the gradebook."""

    student: str


@dataclass(frozen=True, slots=True)
class NotAutograded:
    """One submission that has no mark from this run; what stood in the gradebook still does."""

    student: str
    error: InfrastructureError | TaskError


Receive = Callable[[Autograded | NotAutograded | InvalidTask], None]


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done."""

    students: tuple[str, ...]  # to be graded now
    unchanged: int  # graded already, with the same content
    warnings: tuple[str, ...]


class ClassRun(Protocol):
    """A run for one assignment, whatever its notebooks are judged by."""

    def plan(self, student: str | None, *, force: bool) -> Due:
        """Who handed in, and who of them is to be graded now.

        :param student: this one alone.
        :param force: unchanged ones too.
        :raises UsageError: nobody of that name handed in.
        """

    def run(self, jobs: int | None, receive: Receive) -> None:
        """Grade what was planned. An interruption ends all processes before it is passed on."""


class Records:
    """Puts a graded submission into the gradebook and its folder."""

    def __init__(
        self, folders: AssignmentFolders, gradebook: ClassGradebook, released: ReleasedAssignment, steps: Steps
    ) -> None:
        self.folders = folders
        self.released = released
        self.steps = steps
        self._gradebook = gradebook
        self._recorded = gradebook.recorded(released)
        self._penalty = steps.penalty()

    def is_done(self, hand_in: HandIn, key: str) -> bool:
        """Whether the same content stands autograded, and the gradebook knows of it: it may be another one."""
        return hand_in.student in self._recorded and self.folders.is_done(hand_in, key)

    def write(self, hand_in: HandIn, building: Path, notebooks: Mapping[str, Any]) -> None:
        """Write marks, then the folder.

        :param building: from :meth:`AssignmentFolders.build`.
        :param notebooks: graded, by name; those of the assignment that are not there were not handed in.
        """
        marks: dict[str, NotebookMarks | None] = dict.fromkeys(self.released.notebooks)
        marks |= {name: read_marks(notebook) for name, notebook in notebooks.items()}
        self._gradebook.record(self.released, hand_in.student, timestamp(hand_in.folder), marks, self._penalty)
        self.folders.put_in_place(hand_in, building, notebooks)


class SuiteRun:
    """An assignment of one notebook that is judged by a suite of the course."""

    def __init__(self, converter: Any, course: Course, gradebook: ClassGradebook, name: str, sandbox: str) -> None:
        """Check that the gradebook, the suite and the classroom's configuration fit together.

        :param converter: nbgrader's Autograde, configured.
        :raises UsageError: nothing was released under this name, or the configuration is not ours.
        :raises TaskError: the suite is invalid, or the gradebook holds other tests.
        """
        self._name = name
        self._settings = Settings(course.seed, sandbox, record=True)
        self.task: Task = classroom_task(course, name, sandbox)
        released = gradebook.assignment(name)
        if set(released.notebooks) != {name}:
            notebooks = ", ".join(sorted(released.notebooks)) or "(none)"
            raise UsageError(
                f"{name} has the notebooks {notebooks}, and the suite judges one",
                where=name,
                remedy=f"grade them with: nbgrader autograde {name}",
            )
        self._notebook = released.notebooks[name]
        check_released(name, self.task.specs, self._notebook.cells)
        self._folders = AssignmentFolders(converter, name)
        self._records = Records(self._folders, gradebook, released, Steps(converter))
        self._hand_ins: dict[str, HandIn] = {}
        self._plan = Plan({}, (), {}, (), {}, ())

    def plan(self, student: str | None, *, force: bool) -> Due:
        """See the protocol."""
        hand_ins, warnings = self._folders.hand_ins([self._name])
        self._hand_ins = {each.student: each for each in only(student, hand_ins, self._name)}
        submissions = [
            Submission(each.student, self.task.assignment, each.folder, notebook_only=True)
            for each in self._hand_ins.values()
        ]

        def is_done(submission: Submission, key: str) -> bool:
            return not force and self._records.is_done(self._hand_ins[submission.student], key)

        self._plan = make_plan({self._name: self.task}, submissions, warnings, is_done)
        students = tuple(submission.student for submission in self._plan.due)
        return Due(students, len(self._plan.unchanged), self._plan.warnings)

    def run(self, jobs: int | None, receive: Receive) -> None:
        """See the protocol."""

        def settle(event: Event) -> None:
            if isinstance(event, InvalidTask):
                receive(event)
            elif isinstance(event, Failure):
                receive(NotAutograded(event.report.student, event.error))
            else:
                settled(self._hand_ins[event.student], lambda: self._settle(event), receive)

        settings = Settings(self._settings.course_seed, self._settings.sandbox, jobs, self._settings.record)
        run_plan(self._plan, settings, settle)

    def _settle(self, report: GradeReport) -> None:
        hand_in = self._hand_ins[report.student]
        building = self._folders.build(hand_in)
        try:
            self._records.write(hand_in, building, {self._name: self._graded(hand_in, report)})
        finally:
            shutil.rmtree(building, ignore_errors=True)  # where it was not put in place

    def _graded(self, hand_in: HandIn, report: GradeReport) -> Any:
        if report.status in (Status.UNREADABLE, Status.MISSING):  # what is no regular file is not opened here either
            notebook = unreadable_page(report.reason)
        else:
            file = f"{self._name}.ipynb"
            notebook = read_notebook(file, (hand_in.folder / file).read_bytes())
        resources = self._folders.resources(hand_in.student, self._name, self._folders.autograded(hand_in.student))
        steps, released = self._records.steps, self._notebook
        notebook = steps.before(steps.sanitize(notebook, resources, released), resources, released)
        write_outcomes(notebook, report, self.task.specs)
        notebook.metadata[GRADED] = {"key": report.key, "status": report.status.value}
        return steps.after(notebook, resources, released)


def only(student: str | None, hand_ins: list[HandIn], assignment: str) -> list[HandIn]:
    """All of them, or one student's. UsageError where he has none."""
    if student is None:
        return hand_ins
    chosen = [each for each in hand_ins if each.student == student]
    if not chosen:
        raise UsageError(f"{student} has handed in no notebook for {assignment}", remedy="nbgrader collect fetches it")
    return chosen


def settled(hand_in: HandIn, write: Callable[[], None], receive: Receive) -> None:
    """Write a graded submission and tell how that went; what fails at one leaves the others alone."""
    try:
        write()
    except (InfrastructureError, TaskError) as error:
        receive(NotAutograded(hand_in.student, error))
    except SubmissionError as error:
        what = f"it has changed while it was graded: {error.what}"
        receive(NotAutograded(hand_in.student, InfrastructureError(what, remedy="run it again")))
    except (OSError, shutil.Error) as error:
        where = getattr(error, "filename", None) or ""
        what = f"the autograded notebook cannot be written: {getattr(error, 'strerror', None) or error}"
        failure = InfrastructureError(what, where=where, remedy="make room, and run it again")
        receive(NotAutograded(hand_in.student, failure))
    except Exception as error:  # a defect of ours, or of a configured step, must not take the class along
        *_, last = traceback.extract_tb(error.__traceback__)
        what = f"the autograded notebook cannot be made: {type(error).__name__}: {error}"
        where = f"{last.filename}:{last.lineno}"
        failure = InfrastructureError(what, where=where, remedy="report it, or mend the step; run it again")
        receive(NotAutograded(hand_in.student, failure))
    else:
        receive(Autograded(hand_in.student))
