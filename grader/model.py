"""The frozen data that travels between the layers; nothing here does any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any


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
class Timed:
    """The table [timed] of an assignment.toml: a training task, and how it is run and judged.

    Of each run, ``train_images`` and ``hidden_images`` are drawn anew from the pooled data set.
    """

    dataset: str  # a name in the catalogue of gpu_runner/datasets.py
    train_images: int
    hidden_images: int
    full: float  # mean of the metric, 0 … 1, that earns all accuracy points
    accuracy_points: float
    time_points: float
    multiple: float  # the time limit is this many times the reference's median time on the same device …
    floor_seconds: float  # … and never below this
    part_from: float | None = None  # mean of the metric that earns the first part marks; None: all or nothing
    part_steps: int = 4  # steps of part marks below full: coarse, so that noise hardly ever moves a mark
    metric: str = "accuracy"  # a name in gpu_runner/metrics.py
    device: str = "any"  # what it is meant for: "cuda", or "any" where a CPU will do
    seeds: int = 3  # runs of each submission, each with a draw of its own
    max_seeds: int = 6  # of a submission whose mean lies near a threshold
    hard_stop: float = 2.0  # a run is ended after this many times the time limit
    shift_pixels: int = 0  # jitter: each image is shifted by at most this much along each axis
    noise: int = 0  # jitter: pixels of each image change by at most this much
    gpu_memory_mb: int = 8192  # MiB of device memory that the submission's processes may hold
    gpu_share: float = 1.0  # of a device, where a cluster runs several submissions on one
    budget_seconds: float = 3600.0  # device seconds that one student may use on this task, all hand-ins together
    reference_every: int = 8  # the reference runs first, last, and after this many submissions
    source_kb: int = 256  # KiB of all the code handed in: embedded weights hardly fit
    small: Timed | None = None  # [timed.small]: the same task on less data with its own thresholds, for --small


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
    timed: Timed | None = None  # None: an ordinary assignment, judged by its suites alone

    @property
    def suites(self) -> tuple[Path, ...]:
        """The pytest files; a timed task may do without a hidden one."""
        both = (self.visible_suite, self.hidden_suite)
        return tuple(path for path in both if self.timed is None or path.exists() or path == self.visible_suite)

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


class ShownAs(StrEnum):
    """How a leaderboard, which the whole class may read, calls the students."""

    PSEUDONYMS = "pseudonyms"
    NAMES = "names"
    IDS = "ids"


@dataclass(frozen=True, slots=True)
class LatePolicy:
    """The table [late] of a course.toml: what late work loses. The default takes nothing."""

    grace_minutes: int = 0  # minutes after the due time that cost nothing; the first day late begins after them
    percent_per_day: float = 0.0  # of the earned score, for each day that has begun
    most_percent: float = 100.0  # all days together take no more than this
    zero_after_days: int | None = None  # after this many whole days nothing is earned; None: never


@dataclass(frozen=True, slots=True)
class Course:
    """A validated course.toml with all its assignments, in order."""

    name: str
    seed: int  # everything random in grading derives from it
    root: Path  # the folder that holds course.toml
    database: str  # SQLAlchemy URL
    roster: tuple[Student, ...]  # empty: every folder under submitted/ is a student
    assignments: tuple[Assignment, ...]
    leaderboard: ShownAs = ShownAs.PSEUDONYMS  # how leaderboards call the students
    late: LatePolicy = LatePolicy()  # what late work loses where the time of a hand-in is known: in nbgrader


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
    timed: bool = False  # judged by timed training runs, not by pytest


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
class CurvePoint:
    """What a submission's ``log(epoch=…, loss=…, accuracy=…)`` has said; its own figures, which nobody believes."""

    epoch: float
    loss: float | None = None  # may be NaN or infinite
    accuracy: float | None = None
    seconds: float = 0.0  # wall seconds since the call of train


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One timed run of one submission, or of the reference."""

    seed: int  # of the draw, the classes' permutation, the jitter and the submission; secret until the session ends
    outcome: Outcome  # PASSED: predictions of the right form came in, whatever they are worth
    seconds: float  # wall seconds from the call of train until the predictions were in, or the run was ended
    accuracy: float | None  # the task's metric on the hidden images; None where there are no predictions
    hidden_images: int
    device: str  # "cpu-0", or a GPU's model and number
    train_seconds: float | None = None  # wall seconds of train alone; None where it did not return
    message: str = ""  # what went wrong, for the student
    traceback: str = ""  # frames of the student's own files only
    output: str = ""  # what it printed
    curve: tuple[CurvePoint, ...] = ()
    disturbed: str = ""  # what else kept the device from its work; empty: nothing
    conditions: Mapping[str, Any] = field(default_factory=dict)  # clocks, versions, peak memory …: JSON values


@dataclass(frozen=True, slots=True)
class Training:
    """What the timed runs of one submission came to."""

    runs: tuple[TrainingRun, ...]  # all of them, void ones too
    accuracy: float | None  # mean over the runs that count; None where a run gave no predictions
    low: float | None  # bounds of the mean's 95 % interval
    high: float | None
    seconds: float  # median wall seconds of the runs that count
    limit_seconds: float
    reference_seconds: float  # the reference's median on this device in this session
    device: str
    small: bool = False  # judged by the thresholds of [timed.small]


class JobState(StrEnum):
    """Where a submission of a timed task stands."""

    QUEUED = "queued"
    RUNNING = "running"
    TRAINED = "trained"  # all its runs are in; the verdict waits for the next run of the reference
    JUDGED = "judged"
    CANCELLED = "cancelled"
    OVER_BUDGET = "over budget"  # the student's device seconds for this task are used up


@dataclass(frozen=True, slots=True)
class Job:
    """A submission of a timed task in the queue."""

    id: int
    assignment: str
    student: str
    key: str  # content key of what was queued
    state: JobState
    queued_at: datetime
    small: bool = False
    session: int | None = None  # the session that has last run it
    device: str = ""  # where it runs or has run
    runs: tuple[TrainingRun, ...] = ()  # those that are in
    reason: str = ""  # why it was cancelled or refused; empty otherwise


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
    training: Training | None = None  # of a timed task
    # What a notebook's cells have put out, by their numbers, where that was asked for; for people, and not stored.
    cell_outputs: Mapping[int, tuple[Mapping[str, str], ...]] = field(default_factory=dict, compare=False, repr=False)
    graded_at: datetime | None = field(default=None, compare=False)  # UTC
