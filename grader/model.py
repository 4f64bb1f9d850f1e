"""The frozen data that travels between the layers; nothing here does any work."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class Environment(StrEnum):
    """Which framework the warm processes of an assignment have imported beforehand."""

    NUMPY = "numpy"
    TORCH = "torch"
    TENSORFLOW = "tensorflow"


class Outcome(StrEnum):
    """What became of one test. ``NOT_RUN`` is the default: only evidence changes it."""

    PASSED = "passed"
    FAILED = "failed"  # a wrong answer
    ERROR = "error"  # the submission raised an exception
    TIMEOUT = "timeout"  # the CPU or the wall limit of a call
    MEMORY = "memory"  # the memory limit
    KILLED = "killed"  # the submission's process ended or broke the protocol
    NOT_RUN = "not run"


class Status(StrEnum):
    """What became of one submission."""

    GRADED = "graded"
    MISSING = "missing"  # no file; scores 0
    UNREADABLE = "unreadable"  # a file that cannot be read as Python or as a notebook; scores 0
    BROKEN = "broken"  # it cannot be loaded: syntax, import, exception, endless loop; scores 0
    NOT_GRADED = "not_graded"  # the grader's own failure, or its turn has not come; no score


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one guest. Seconds are for one call across the wall unless said otherwise."""

    cpu_seconds: float = 5.0  # CPU seconds of one call, all processes of the guest together
    wall_seconds: float = 30.0  # wall seconds of one call; looser, so that a busy machine fails nobody
    load_cpu_seconds: float = 10.0  # CPU seconds to load the module or run the notebook's cells
    load_wall_seconds: float = 60.0  # wall seconds to load it
    total_cpu_seconds: float = 60.0  # CPU seconds of a whole submission, all its tests together
    total_wall_seconds: float = 240.0  # wall seconds that a whole submission may keep the tests waiting
    memory_mb: int = 1024  # MiB beyond what the warm frameworks take
    processes: int = 24  # processes and threads at one time
    open_files: int = 128  # file descriptors of one process
    file_mb: int = 32  # MiB of one written file
    disk_mb: int = 64  # MiB of the private /tmp, all files together
    output_kb: int = 64  # KiB kept of what one submission prints
    submission_mb: int = 8  # MiB of all the files handed in


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment, as its assignment.toml and its folders describe it."""

    name: str  # identifier; also the name of the module that students hand in
    title: str
    summary: str  # one or two sentences for the handout and the course overview
    environment: Environment
    points: float  # sum over all tests, declared so that a lost mark is noticed
    limits: Limits
    order: int  # place in the course, from 1
    due: datetime | None  # None: never due
    solution: Path  # solutions/<name>/<name>.py
    autotests: Path  # autotests/<name>/

    @property
    def visible_suite(self) -> Path:
        return self.autotests / "test_visible.py"

    @property
    def hidden_suite(self) -> Path:
        return self.autotests / "test_hidden.py"


@dataclass(frozen=True, slots=True)
class Student:
    """A line of the roster."""

    id: str  # the name of the student's folder under submitted/
    name: str = ""  # for people; may be empty


@dataclass(frozen=True, slots=True)
class Course:
    """A validated course.toml with all its assignments, in order."""

    name: str
    seed: int  # everything random in grading derives from it
    root: Path  # the folder that holds course.toml
    database: str  # SQLAlchemy URL
    roster: tuple[Student, ...]  # empty: every folder under submitted/ is a student
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class SubmissionFiles:
    """What a student handed in, read and found fit to be sent into the box."""

    name: str  # the module's name: the assignment's
    entry: str  # gradient_descent.py or gradient_descent.ipynb
    files: dict[str, bytes]  # relative path -> content; the entry and the helper modules beside it
    cells: tuple[tuple[int, str], ...] | None = None  # a notebook's code cells with their numbers; None for a .py
    notes: tuple[str, ...] = ()  # remarks on what was left out

    @property
    def source(self) -> str:
        """The student's code as text; for a notebook its code cells, one after the other."""
        if self.cells is not None:
            return "\n\n".join(source for _number, source in self.cells)
        return self.files[self.entry].decode("utf-8")


@dataclass(frozen=True, slots=True)
class TestSpec:
    """One scored test function of a suite; its parametrised cases share the points."""

    __test__ = False

    name: str  # the test function's name
    title: str  # what students see
    points: float
    hint: str  # shown when the test is lost; may be empty
    visible: bool  # True where students have its source
    needs: tuple[str, ...] = ()  # names of tests whose failure may make this one fail too


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a student learns about one test. Nothing in it stems from a hidden test's source."""

    __test__ = False

    name: str
    title: str
    points: float
    earned: float  # 0 … points
    outcome: Outcome = Outcome.NOT_RUN
    visible: bool = False
    hint: str = ""
    message: str = ""  # what went wrong, for a beginner; may be empty
    traceback: str = ""  # frames of the student's own files only
    output: str = ""  # what the submission printed during the test, bounded and cleaned
    seconds: float = 0.0  # wall seconds


@dataclass(frozen=True, slots=True)
class GradeReport:
    """The result of one submission: what is stored, shown and exported."""

    assignment: str
    student: str
    status: Status
    score: float | None  # None where no mark was given (NOT_GRADED)
    max_score: float
    tests: tuple[TestResult, ...] = ()
    reason: str = ""  # why a submission is missing, unreadable, broken or not graded
    traceback: str = ""  # of a broken submission: its own frames
    notes: tuple[str, ...] = ()  # remarks: notebook cells that raised, ignored files
    output: str = ""  # what the submission printed while it was loaded
    seconds: float = 0.0  # wall seconds of the whole grading
    key: str = ""  # content key: equal keys, equal result
    graded_at: datetime | None = field(default=None, compare=False)  # UTC
