"""The three ways to grade that are compared: each tells seconds per submission, and which tests failed."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from grader.errors import GraderError
from grader.grading.examiner_client import SUITE_RUN, THREADS
from grader.grading.family import ExaminerFamily
from grader.grading.intake import Submission
from grader.grading.pipeline import Event, Failure, InvalidTask, Settings, Worker
from grader.grading.plan import Plan
from grader.grading.schedule import Schedule
from grader.model import Assignment, GradeReport, Outcome
from grader.sandbox.process import tree_usage
from grader.wall import frames

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Batch:
    """How one batch went."""

    seconds: tuple[float, ...]  # wall seconds of each submission
    cpu: float  # CPU seconds of the whole batch, all processes together
    lost: tuple[frozenset[str], ...]  # per submission: names of the test functions that it failed


def suites(assignment: Assignment) -> list[str]:
    return [str(assignment.visible_suite), str(assignment.hidden_suite)]


class Grader:
    """Ours: a worker of the pipeline with its examiner, zygote and sandboxed guests, as in ``grader grade --jobs 1``.

    The worker asks a schedule for its next submission; here that schedule lets it wait between the batches, so that one
    warm examiner serves batches that alternate with those of the others.
    """

    def __init__(self, plan: Plan, course_seed: int, sandbox: str = "bubblewrap") -> None:
        self._gate = _Gate()
        self._events: queue.Queue[Event | BaseException | None] = queue.Queue()
        families = {name: ExaminerFamily() for name in plan.tasks}
        self._worker = Worker(
            plan, Settings(course_seed, sandbox, 1), self._gate, self._events, threading.Event(), families
        )
        self.reports: list[GradeReport] = []

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._gate.admit(None)
        self._worker.join()

    def grade(self, submissions: Sequence[Submission]) -> Batch:
        """Raises GraderError where anything is not graded: its time would mean nothing."""
        cpu = self._cpu()
        self._gate.admit(submissions)
        reports = [self._next() for _ in submissions]
        seconds = self._gate.finished()
        self.reports += reports
        lost = tuple(
            frozenset(test.name for test in report.tests if test.outcome is not Outcome.PASSED) for report in reports
        )
        return Batch(seconds, self._cpu() - cpu, lost)

    def _cpu(self) -> float:
        """CPU seconds of this process and all its examiners, zygotes and guests, ended ones included."""
        return tree_usage(os.getpid(), 0)[0]

    def _next(self) -> GradeReport:
        event = self._events.get()
        if isinstance(event, (InvalidTask, Failure)):
            raise event.error
        if isinstance(event, BaseException):
            raise event
        if event is None:
            raise GraderError("a submission was not graded: the worker has ended")
        return event


class _Gate(Schedule):
    """A schedule that is filled batch by batch, and notes when the worker comes for more."""

    def __init__(self) -> None:
        super().__init__(())
        self._waiting: queue.Queue[Submission | None] = queue.Queue()
        self._times: queue.Queue[tuple[float, ...]] = queue.Queue()
        self._size = 0
        self._taken: list[float] = []

    def admit(self, submissions: Sequence[Submission] | None) -> None:
        """Let a batch in; ``None`` sends the worker home."""
        self._size = 0 if submissions is None else len(submissions)
        for submission in submissions or [None]:  # type: ignore[list-item]
            self._waiting.put(submission)

    def finished(self) -> tuple[float, ...]:
        """Seconds of each submission of the batch, from the worker's taking it to its coming for the next."""
        return self._times.get()

    def take(self, current: str | None) -> Submission | None:
        now = time.perf_counter()
        if self._taken:
            self._taken.append(now)
            if len(self._taken) > self._size:
                self._times.put(tuple(b - a for a, b in zip(self._taken, self._taken[1:], strict=False)))
                self._taken = []
        submission = self._waiting.get()
        if not self._taken:
            self._taken = [time.perf_counter()]
        return submission


class WarmForker:
    """forker.py: warm, a forked child per submission, no isolation.

    :param kind: ``"tuned"`` or ``"plain"``; see there.
    """

    def __init__(self, assignment: Assignment, kind: str) -> None:
        self._assignment = assignment
        self._kind = kind

    def __enter__(self) -> Self:
        self._control, theirs = socket.socketpair()
        command = [sys.executable, str(HERE / "forker.py"), str(theirs.fileno()), self._kind]
        self._process = subprocess.Popen(
            [*command, self._assignment.environment.value, *suites(self._assignment)],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **THREADS, **SUITE_RUN},
        )
        theirs.close()
        self._receive = frames.receiver(self._control)
        frames.read_frame(self._receive)
        return self

    def __exit__(self, *_error: object) -> None:
        self._control.close()
        self._process.wait()

    def grade(self, submissions: Sequence[Submission]) -> Batch:
        cpu, seconds, lost = tree_usage(self._process.pid, 0)[0], [], []
        for submission in submissions:
            start = time.perf_counter()
            frames.send_frame(self._control, {"file": str(script(submission))})
            answer, _ = frames.read_frame(self._receive)
            seconds.append(time.perf_counter() - start)
            lost.append(frozenset(answer["lost"]))
        return Batch(tuple(seconds), tree_usage(self._process.pid, 0)[0] - cpu, tuple(lost))


def fresh_pytest(submission: Submission) -> float:
    """Wall seconds of ``python -m pytest`` for one submission, in a process of its own.

    Raises GraderError where pytest did not run the tests.
    """
    command = [sys.executable, "-m", "pytest", *suites(submission.assignment), f"--submission={script(submission)}"]
    command += ["-q", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", os.devnull]
    command += [f"--rootdir={submission.assignment.autotests}"]
    start = time.perf_counter()
    variables = {**os.environ, **THREADS, **SUITE_RUN}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 1):  # 1: tests have failed, as those of a mistake should
        raise GraderError(f"pytest did not run:\n{done.stdout}{done.stderr}")
    return seconds


def script(submission: Submission) -> Path:
    return submission.folder / f"{submission.assignment.name}.py"
