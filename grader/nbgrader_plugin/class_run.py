"""Autograding a whole class in parallel, into the folders and the gradebook that ``nbgrader autograde`` fills.

The pipeline's workers examine submissions; the caller's thread turns each report into an autograded notebook and marks,
and is the only one that writes. A submission is done when its folder under ``autograded`` stands, which comes last: a
run that was interrupted goes on where it stopped.
"""

# nbgrader, nbconvert and nbformat have no annotations.
# mypy: disable-error-code="import-untyped, misc, no-untyped-call"
from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils

from grader.errors import InfrastructureError, SubmissionError, TaskError, UsageError
from grader.grading.intake import Submission
from grader.grading.pipeline import Event, Failure, InvalidTask, Settings, run_plan
from grader.grading.plan import Plan, Task, make_plan
from grader.model import Course, GradeReport, Status
from grader.nbgrader_plugin.gradebook import ClassGradebook, ReleasedAssignment, ReleasedNotebook
from grader.nbgrader_plugin.outcomes import check_released, write_outcomes
from grader.nbgrader_plugin.steps import Steps, read_marks
from grader.nbgrader_plugin.unreadable import read_notebook, unreadable_page
from grader.nbgrader_plugin.warm import classroom_task

GRADED = "grader"  # key of a notebook's metadata under which Examine and this run note what was graded


@dataclass(frozen=True, slots=True)
class Autograded:
    """One submission that now stands in the gradebook."""

    report: GradeReport


@dataclass(frozen=True, slots=True)
class NotAutograded:
    """One submission that has no mark from this run; what stood in the gradebook still does."""

    student: str
    error: InfrastructureError | TaskError


class ClassRun:
    """One assignment of a classroom."""

    def __init__(self, converter: Any, course: Course, gradebook: ClassGradebook, name: str, sandbox: str) -> None:
        """Check that the gradebook, the suite and the classroom's configuration fit together.

        :param converter: nbgrader's Autograde, configured.
        :raises UsageError: nothing was released under this name, or the configuration is not ours.
        :raises TaskError: the suite is invalid, or the gradebook holds other tests.
        """
        self._coursedir = converter.coursedir
        self._converter = converter
        self._course = course
        self._gradebook = gradebook
        self._sandbox = sandbox
        self.task: Task = classroom_task(course, name, sandbox)
        self.released: ReleasedAssignment = gradebook.assignment(name)
        others = sorted(set(self.released.notebooks) - {name})
        if name not in self.released.notebooks or others:
            raise UsageError(
                f"{name} has the notebooks {', '.join(sorted(self.released.notebooks)) or '(none)'}",
                where=name,
                remedy=f"one that is not judged by the suite needs: nbgrader autograde {name}",
            )
        check_released(name, self.task.specs, self._notebook.cells)
        self._steps = Steps(converter)
        self._penalty = self._steps.penalty()

    @property
    def _notebook(self) -> ReleasedNotebook:
        return self.released.notebooks[self.released.name]

    def plan(self, student: str | None, *, force: bool) -> Plan:
        """Who handed in, and who of them is to be graded now.

        :param student: this one alone.
        :param force: all of them.
        :raises UsageError: nobody of that name handed in.
        """
        submissions, warnings = self._submissions()
        if student is not None:
            submissions = [each for each in submissions if each.student == student]
            if not submissions:
                what = f"{student} has handed in no notebook for {self.released.name}"
                raise UsageError(what, where=self._submitted("*"), remedy="nbgrader collect fetches it")
        is_done = (lambda *_: False) if force else self._is_done
        return make_plan({self.released.name: self.task}, submissions, warnings, is_done)

    def run(
        self, plan: Plan, jobs: int | None, receive: Callable[[Autograded | NotAutograded | InvalidTask], None]
    ) -> None:
        """Grade all that is due. An interruption ends all processes before it is passed on."""
        places = {submission.student: submission for submission in plan.due}

        def settle(event: Event) -> None:
            if isinstance(event, InvalidTask):
                receive(event)
            elif isinstance(event, Failure):
                receive(NotAutograded(event.report.student, event.error))
            else:
                try:
                    self._settle(places[event.student], event)
                except (InfrastructureError, TaskError) as error:
                    receive(NotAutograded(event.student, error))
                else:
                    receive(Autograded(event))

        run_plan(plan, Settings(self._course.seed, self._sandbox, jobs, record=True), settle)

    def _submissions(self) -> tuple[list[Submission], list[str]]:
        found, warnings = [], []
        excluded = set(filter(None, self._coursedir.student_id_exclude.split(",")))
        for folder in sorted(Path(self._submitted("*")).parent.parent.glob(f"*/{self.released.name}")):
            student = folder.parent.name
            if student in excluded or student.startswith("."):
                continue
            if (folder / f"{self.released.name}.ipynb").exists():
                found.append(Submission(student, self.task.assignment, folder, notebook_only=True))
            else:
                warnings.append(f"{student} has handed in no {self.released.name}.ipynb; passed over, as nbgrader does")
        return found, warnings

    def _submitted(self, student: str) -> str:
        path: str = self._coursedir.format_path(self._coursedir.submitted_directory, student, self.released.name)
        return path

    def _autograded(self, student: str) -> Path:
        return Path(
            self._coursedir.format_path(self._coursedir.autograded_directory, student, self.released.name)
        )

    def _timestamp(self, folder: Path) -> datetime | None:
        """When it was handed in; None where nbgrader's file is missing or says nothing that is a time."""
        try:
            timestamp: datetime | None = utils.parse_utc((folder / "timestamp.txt").read_text().strip() or None)
        except (OSError, ValueError, OverflowError):
            return None
        return timestamp

    def _is_done(self, submission: Submission, key: str) -> bool:
        """Whether the same content, handed in at the same time, stands autograded."""
        target = self._autograded(submission.student)
        try:
            metadata = json.loads((target / f"{self.released.name}.ipynb").read_bytes())["metadata"]
            noted = metadata[GRADED]["key"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return bool(noted == key and self._timestamp(target) == self._timestamp(submission.folder))

    def _settle(self, submission: Submission, report: GradeReport) -> None:
        """Write a graded submission: the gradebook first, the folder last."""
        try:
            notebook = self._graded_notebook(submission, report)
            marks = {self.released.name: read_marks(notebook)}
            timestamp = self._timestamp(submission.folder)
            self._gradebook.record(self.released, submission.student, timestamp, marks, self._penalty)
            self._write_folder(submission, notebook)
        except SubmissionError as error:
            what = f"it has changed while it was graded: {error.what}"
            raise InfrastructureError(what, remedy="run it again") from error
        except OSError as error:
            said = f"the autograded notebook cannot be written: {error.strerror or error}"
            raise InfrastructureError(said, where=error.filename or "", remedy="make room, and run it again") from error

    def _graded_notebook(self, submission: Submission, report: GradeReport) -> Any:
        name, released = self.released.name, self._notebook
        if report.status in (Status.UNREADABLE, Status.MISSING):  # what is no regular file is not opened here either
            notebook = unreadable_page(report.reason)
        else:
            file = f"{name}.ipynb"
            notebook = read_notebook(file, (submission.folder / file).read_bytes())
        target = self._autograded(submission.student)
        resources = {
            "unique_key": name,
            "output_files_dir": f"{name}_files",
            "metadata": {"name": name, "path": str(target)},
            "nbgrader": {
                "student": submission.student,
                "assignment": name,
                "notebook": name,
                "db_url": self._coursedir.db_url,
            },
        }
        notebook = self._steps.sanitize(notebook, resources, released)
        notebook = self._steps.before(notebook, resources, released)
        write_outcomes(notebook, report, self.task.specs)
        notebook.metadata[GRADED] = {"key": report.key, "status": report.status.value}
        return self._steps.after(notebook, resources, released)

    def _write_folder(self, submission: Submission, notebook: Any) -> None:
        """Put the student's files, the instructor's masters and the notebook where nbgrader would."""
        target = self._autograded(submission.student)
        building = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        name, ignore = self.released.name, [*self._coursedir.ignore, "*.ipynb"]
        masters = Path(self._coursedir.format_path(self._coursedir.source_directory, ".", name))
        spared = {str(masters / each) for each in self._converter.exclude_overwriting.get(name, [])}
        for folder in (submission.folder, masters):
            for found in utils.find_all_files(str(folder), ignore):
                if folder == masters and found in spared:
                    continue
                if not stat.S_ISREG(os.lstat(found).st_mode):
                    continue  # a link of a student's may lead to what is none of his
                copy = building / Path(found).relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.unlink(missing_ok=True)
                shutil.copy(found, copy)
        text = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
        (building / f"{name}.ipynb").write_text(text.rstrip("\n") + "\n", encoding="utf-8")
        mode = int(str(self._converter.permissions), 8)
        for path in building.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(mode)
        shutil.rmtree(target, ignore_errors=True)
        building.replace(target)
