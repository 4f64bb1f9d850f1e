"""Which submissions there are, and which of them have to be graded now."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader.course.table import nearest
from grader.errors import InfrastructureError, SubmissionError, UsageError
from grader.grading.content_key import refusal_key, submission_key, suite_key
from grader.grading.intake import Handout, Submission, read_handout, read_submission
from grader.model import Assignment, Course, TestSpec
from grader.sandbox.imports import all_source, imported_modules


@dataclass(frozen=True, slots=True)
class Task:
    """All that is the same for every submission of one assignment."""

    assignment: Assignment
    specs: tuple[TestSpec, ...]
    key: str  # of suite, environment and limits
    handout: Handout


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done."""

    tasks: dict[str, Task]  # by assignment name
    due: tuple[Submission, ...]  # to be graded now
    keys: dict[tuple[str, str], str]  # (assignment, student) -> key of what lay there; empty: it could not be read
    unchanged: tuple[Submission, ...]  # graded already, with the same content
    preload: dict[str, tuple[str, ...]]  # assignment -> modules that its submissions import
    warnings: tuple[str, ...]


def find_submissions(
    course: Course,
    path: Path,
    assignments: Collection[Assignment],
    *,
    named: bool,
    student: str | None,
    now: datetime,
) -> tuple[list[Submission], list[str]]:
    """All places where work should be, and warnings about folders that are nobody's.

    A student without a folder for an assignment is listed for it where anybody handed it in or where it was named, but
    not before it is due.

    :param named: whether the assignments were named on the command line.
    :param student: grade this one only.
    Raises UsageError for an unknown path or student.
    """
    if not path.is_dir():
        raise UsageError(
            f"there is no folder {path}",
            remedy="name the folder that holds one folder per student, each with its assignments",
        )
    folders = [folder.name for folder in _folders(path) if not folder.name.startswith(".")]
    warnings = []
    printable = [name for name in folders if name.isprintable()]
    for name in sorted(set(folders) - set(printable)):
        warnings.append(f"{path / repr(name)}: a folder name with unprintable characters; it was passed over")
    roster = [entry.id for entry in course.roster]
    everybody = students = sorted({*roster, *printable})
    if roster:
        strangers = sorted(set(printable) - set(roster))
        if strangers:
            warnings.append(f"not on the roster, graded all the same: {some_of(strangers)}")
    if student is not None:
        if student not in students:
            raise UsageError(f"unknown student {student!r}", where=path, remedy=nearest(student, students))
        students, warnings = [student], []
    known = {assignment.name for assignment in course.assignments}
    for name in students:
        for folder in _folders(path / name):
            if folder.name not in known and not folder.name.startswith((".", "__")):
                meant = nearest(folder.name, known)
                warnings.append(f"{name}/{folder.name!r} is no assignment of this course; passed over ({meant})")
    submissions = []
    for assignment in assignments:
        places = [Submission(name, assignment, path / name / assignment.name) for name in everybody]
        present = [place for place in places if _lexists(place.folder)]
        running = assignment.due is not None and assignment.due > now  # nobody is late yet
        wanted = places if (named or present) and not running else present
        submissions += [place for place in wanted if place.student in students]
    return submissions, warnings


def some_of(names: list[str], most: int = 5) -> str:
    """The first few of many names."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _folders(path: Path) -> list[Path]:
    """The folders in a folder, by name; none where it is no folder. UsageError where it cannot be read."""
    try:
        return sorted(entry for entry in path.iterdir() if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=path, remedy="make it readable") from error


def _lexists(path: Path) -> bool:
    """Whether anything is there; a dangling symbolic link is a hand-in too, if an unreadable one."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def make_plan(
    tasks: dict[str, Task],
    submissions: list[Submission],
    warnings: list[str],
    is_graded: Callable[[Submission, str], bool],
) -> Plan:
    """Read every submission once and sort out which are due.

    :param is_graded: tells whether a submission's current mark was made from content with this key.
    """
    due: list[Submission] = []
    unchanged: list[Submission] = []
    keys: dict[tuple[str, str], str] = {}
    preload: dict[str, set[str]] = {name: set() for name in tasks}
    for submission in submissions:
        task = tasks[submission.assignment.name]
        try:
            files = read_submission(submission, task.handout)
        except SubmissionError as error:
            key = refusal_key(task.key, error.what)
        except InfrastructureError:  # it stays due; whoever grades it meets the failure again and tells of it
            key = ""
        else:
            key = submission_key(task.key, files)
            notebook = files.cells is not None
            preload[task.assignment.name] |= imported_modules(all_source(files), notebook=notebook)
        keys[task.assignment.name, submission.student] = key
        (unchanged if key and is_graded(submission, key) else due).append(submission)
    return Plan(
        tasks,
        tuple(due),
        keys,
        tuple(unchanged),
        {name: tuple(sorted(modules)) for name, modules in preload.items()},
        tuple(warnings),
    )


def make_task(course: Course, assignment: Assignment, specs: tuple[TestSpec, ...], sandbox: str) -> Task:
    """The task of one assignment."""
    key = suite_key(assignment, course.seed, sandbox)
    return Task(assignment, specs, key, read_handout(course.root, assignment))
