"""``grader check``: a student's own work against the visible tests, with nothing at hand but the folder handed out.

Intake, examiner and scoring are those of grading, so the student sees what grading would say of these tests. What
differs: there is no isolation, since it is the student's own code and machine, no hidden suite, and no course, so the
limits are the defaults.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grader.course import read_suite
from grader.errors import InfrastructureError, SubmissionError, TaskError, UsageError
from grader.grading.examiner_client import ExaminerClient
from grader.grading.intake import Handout, Submission, read_submission
from grader.grading.pipeline import check_collected, refused, report_of
from grader.grading.plan import Task
from grader.model import Assignment, Environment, GradeReport, Limits, SubmissionFiles, TestSpec
from grader.sandbox.imports import FRAMEWORKS, imported_modules, imports, installed, submission_environment

SUITE = "test_visible.py"
AS_HANDED_OUT = f"put {SUITE} back as it was handed out; tests of your own go into another file"


@dataclass(frozen=True, slots=True)
class HandedOut:
    """A folder as ``grader generate`` has written it, the student's work in it."""

    name: str  # the assignment's
    folder: Path  # absolute
    suite: str  # text of test_visible.py
    specs: tuple[TestSpec, ...]
    untouched: dict[str, str]  # ".py" and ".ipynb" -> SHA-256 of the code as it was handed out, white space left out


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found."""

    assignment: Assignment  # points: those of the visible tests
    entry: str  # the file that counts; empty where none does
    report: GradeReport  # of the visible tests alone


def read_handed_out(path: Path) -> HandedOut:
    """Read the folder that ``path`` names, or the one that the file ``path`` lies in.

    :raises UsageError: it holds no test_visible.py, or ``path`` is a file that nobody hands in.
    :raises TaskError: its test_visible.py is not, or no longer, one that was generated.
    """
    folder = path if path.is_dir() else path.parent
    file = folder / SUITE
    if not file.is_file():
        raise UsageError(
            f"there is no {SUITE} here, so this is no assignment's folder",
            where=folder,
            remedy=f"name a folder that was handed out, like: grader check {_example(folder)}",
        )
    try:
        specs = read_suite(file, visible=True)
    except TaskError as error:
        raise TaskError(error.what, where=error.where, remedy=AS_HANDED_OUT) from error
    data = file.read_bytes()
    constants = _constants(ast.parse(data))
    name, untouched = constants.get("_NAME"), constants.get("_UNTOUCHED")
    if not isinstance(name, str) or not name.isidentifier() or not isinstance(untouched, dict):
        raise TaskError(
            "these tests do not say which assignment they are for, so they are not as they were handed out",
            where=file,
            remedy=AS_HANDED_OUT,
        )
    if not path.is_dir() and path.name not in (f"{name}.py", f"{name}.ipynb", SUITE):
        raise UsageError(
            f"{path.name} is no file that you hand in",
            where=path,
            remedy=f"put your work into {name}.py or {name}.ipynb, and check the folder",
        )
    digests = {str(suffix): str(digest) for suffix, digest in untouched.items()}
    return HandedOut(name, folder.resolve(), data.decode("utf-8-sig"), specs, digests)


def check_work(handed_out: HandedOut) -> Checked:
    """Run the visible tests on the student's work, without isolation.

    :raises TaskError: the tests do not run as they are.
    :raises InfrastructureError: not on Linux, a framework that they need is missing, or the grader itself fails.
    """
    if not sys.platform.startswith("linux"):
        raise InfrastructureError(
            f"grader check runs on Linux, not on {sys.platform}",
            remedy=f"run: pytest {SUITE} in this folder; it runs the same tests",
        )
    start = time.monotonic()
    assignment = Assignment(
        name=handed_out.name,
        title="",
        summary="",
        environment=suite_environment(handed_out.suite) or Environment.NUMPY,
        points=round(sum(spec.points for spec in handed_out.specs), 6),
        limits=Limits(),
        order=1,
        due=None,
        solution=handed_out.folder / f"{handed_out.name}.py",
        autotests=handed_out.folder,
    )
    submission = Submission("", assignment, handed_out.folder)
    task = Task(assignment, handed_out.specs, "", _handout(handed_out))
    try:
        files = read_submission(submission, task.handout)
    except SubmissionError as error:
        return Checked(assignment, "", replace(refused(submission, task, error), key=""))
    if assignment.environment is Environment.NUMPY:
        assignment = replace(assignment, environment=submission_environment(files))
    report = _examine(handed_out, replace(task, assignment=assignment), submission, files)
    return Checked(assignment, files.entry, replace(report, key="", seconds=time.monotonic() - start))


def suite_environment(suite: str) -> Environment | None:
    """The framework that the tests import, ``None`` where they import none.

    :raises InfrastructureError: it is not installed.
    """
    for module in imports(suite):
        if module in FRAMEWORKS:
            if not installed(module):
                raise InfrastructureError(
                    f"the tests of this assignment use {module}, which this Python lacks",
                    where=sys.executable,
                    remedy=f"install it: {sys.executable} -m pip install {module}",
                )
            return FRAMEWORKS[module]
    return None


def _examine(handed_out: HandedOut, task: Task, submission: Submission, files: SubmissionFiles) -> GradeReport:
    # The examiner gets a folder of its own, which goes with all that it and the submission wrote. A student's may be
    # called "[final]", which pytest takes for a parameter, or hold a random.py, which Python would import as its own.
    with tempfile.TemporaryDirectory(prefix="grader-check-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch).resolve()
        (folder / SUITE).write_text(handed_out.suite, encoding="utf-8")
        task = replace(task, assignment=replace(task.assignment, autotests=folder))
        try:
            with _started_in(folder):
                client = ExaminerClient(
                    task.assignment,
                    0,
                    sandbox="subprocess",
                    suites=(str(task.assignment.visible_suite),),
                    preload=tuple(sorted(imported_modules(files.source, notebook=files.cells is not None))),
                )
            try:
                check_collected(task, client)
                return report_of(submission, task, files, client.examine("", files))
            finally:
                client.kill()  # it would need a second to tidy up what goes with the folder
                client.close()
        except TaskError as error:
            where = handed_out.folder / SUITE
            remedy = f"install what they import, or {AS_HANDED_OUT}"
            raise TaskError(error.what.replace(str(folder), "."), where=where, remedy=remedy) from error


@contextlib.contextmanager
def _started_in(folder: Path) -> Iterator[None]:
    """Let processes that are started meanwhile have the folder as working directory and for temporary files."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(folder)
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def _handout(handed_out: HandedOut) -> Handout:
    """As much of the untouched handout as is still there; that is all that intake needs to see which file counts."""
    script, notebook = (handed_out.folder / f"{handed_out.name}{suffix}" for suffix in (".py", ".ipynb"))
    text, cells = "", []
    with contextlib.suppress(OSError, ValueError):
        text = script.read_text(encoding="utf-8")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        document = json.loads(notebook.read_text(encoding="utf-8"))
        cells = ["".join(cell["source"]) for cell in document["cells"] if cell["cell_type"] == "code"]
    return Handout(
        text if _digest(text) == handed_out.untouched.get(".py") else "",
        tuple(cells) if _digest("\n".join(cells)) == handed_out.untouched.get(".ipynb") else (),
    )


def _example(folder: Path) -> str:
    """An assignment's folder near this one, as one would type it."""
    found = sorted(folder.glob(f"*/{SUITE}")) or sorted(folder.glob(f"assignments/*/{SUITE}"))
    return shlex.quote(str(found[0].parent.relative_to(folder))) if found else "assignments/gradient_descent"


def _digest(text: str) -> str:
    """As the generator of test_visible.py computes it."""
    return hashlib.sha256("".join(text.split()).encode("utf-8", "surrogatepass")).hexdigest()


def _constants(tree: ast.Module) -> dict[str, object]:
    """The module's plain assignments of literals."""
    found: dict[str, object] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            with contextlib.suppress(ValueError):
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
    return found
