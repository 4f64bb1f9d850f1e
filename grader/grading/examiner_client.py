"""The pipeline's side of an examiner: start it, hand it submissions, read what it found."""

from __future__ import annotations

import abc
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import IO, Any

from grader.errors import InfrastructureError, SuiteError
from grader.grading.scoring import CaseRecord
from grader.model import Assignment, Outcome, SubmissionFiles
from grader.reports.text import clean
from grader.wall import frames
from grader.wall.values import Encoder

# One thread per library: both this process and the guests fork after they have computed.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
# Told to test_visible.py that our fixtures serve, not those for a student's plain pytest.
SUITE_RUN = {"GRADER_SUITE_RUN": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONDONTWRITEBYTECODE": "1"}


class ExaminerLost(InfrastructureError):
    """The examiner's process has ended, and not because it had nothing more to do."""


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """Why a submission could not be loaded."""

    outcome: Outcome
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Examined:
    """What an examiner found out about one submission."""

    load_failure: LoadFailure | None
    cell_errors: tuple[tuple[int, str], ...]  # (cell number, traceback) of a notebook's cells that raised
    output: str  # printed while the submission was loaded
    cases: dict[int, dict[str, list[CaseRecord]]]  # seed -> test -> its cases
    replaced: dict[str, int]  # test -> how many answers an adversary replaced; empty without one
    accepted: frozenset[str]  # tests of which a case has given marks although an answer was replaced
    seconds: float
    cell_outputs: Mapping[int, tuple[Mapping[str, str], ...]] = field(default_factory=dict)  # where they were recorded


class Examiner(abc.ABC):
    """Speaks with an examiner that is warm."""

    assignment: Assignment
    tests: tuple[str, ...]
    _course_seed: int
    _control: socket.socket
    _errors: IO[bytes]

    @property
    @abc.abstractmethod
    def alive(self) -> bool:
        """Whether its process has not ended."""

    @abc.abstractmethod
    def kill(self) -> None:
        """End the process at once, from any thread; a call in progress then raises InfrastructureError."""

    @abc.abstractmethod
    def close(self) -> None:
        """End the process; its zygote and guests end with it. Safe to call twice."""

    def examine(
        self,
        student: str,
        files: SubmissionFiles,
        *,
        seeds: tuple[int, ...] = (0,),
        rounds: Mapping[str, int] | None = None,
        adversary: str | None = None,
        record: bool = False,
    ) -> Examined:
        """Run the suites against one submission.

        :param seeds: further seeds repeat those tests that draw random inputs.
        :param record: keep what a notebook's cells put out.
        :param rounds: with how many of the seeds a test runs, by its name; all of them where it is not named.
        Raises InfrastructureError where the grader, not the submission, failed.
        """
        encoder = Encoder(_unreachable)
        payload = {
            "name": files.name,
            "entry": files.entry,
            "files": dict(files.files),
            "cells": None if files.cells is None else [list(cell) for cell in files.cells],
        }
        job = {
            "seed": [self._course_seed, self.assignment.name, student],
            "seeds": list(seeds),
            "rounds": dict(rounds or {}),
            "adversary": adversary,
            "record": record,
            "payload": encoder.encode(payload),
        }
        _, received = self._ask(job, encoder.buffers)
        return _read(json.loads(received[0]))

    def _ask(self, message: dict[str, Any], buffers: list[Any]) -> tuple[dict[str, Any], list[bytearray]]:
        with self._lost_where_it_ends():
            frames.send_frame(self._control, message, buffers)
        return self._hear()

    def _hear(self) -> tuple[dict[str, Any], list[bytearray]]:
        with self._lost_where_it_ends():
            answer, received = frames.read_frame(frames.receiver(self._control))
        if "infrastructure" in answer:
            remedy = answer.get("remedy", "run: grader doctor")
            failure = InfrastructureError(str(answer["infrastructure"]), remedy=remedy)
            if answer.get("detail"):
                failure.add_note(answer["detail"])
            raise failure
        return answer, received

    @contextlib.contextmanager
    def _lost_where_it_ends(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError) as error:
            said = self._last_words()
            self.close()
            lost = ExaminerLost(f"the examiner of {self.assignment.name} has ended", remedy="run it again")
            if said:
                lost.add_note(said)
            raise lost from error

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(0)
            text = self._errors.read()[-2000:].decode("utf-8", "replace").strip()
            return f"\n{text}" if text else ""
        return ""


class ExaminerClient(Examiner):
    """One examiner process with its zygote."""

    def __init__(
        self,
        assignment: Assignment,
        course_seed: int,
        *,
        sandbox: str,
        suites: tuple[str, ...],
        preload: tuple[str, ...],
        started: Callable[[ExaminerClient], None] = lambda _client: None,
    ) -> None:
        """Start it; returns once it is warm.

        :param suites: paths of the test files, the visible one first.
        :param preload: modules that the submissions at hand are known to import.
        :param started: called before it is warm, which takes seconds, so that it can be killed meanwhile.
        Raises SuiteError where the suites do not collect, InfrastructureError where the sandbox does not start.
        """
        self.assignment = assignment
        self._course_seed = course_seed
        try:
            self._start_process()
        except OSError as error:  # no room for temporary files, no further process or descriptor
            raise InfrastructureError(
                f"an examiner cannot be started: {error.strerror or error}", remedy="run: grader doctor"
            ) from error
        try:
            started(self)
            self._warm_up(sandbox, suites, preload)
        except BaseException:
            self.close()
            raise

    def _start_process(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # open until close()
        self._control, theirs = socket.socketpair()
        self._cloning, cloning = socket.socketpair()
        with theirs, cloning:
            descriptors = (theirs.fileno(), cloning.fileno())
            # -P: the working directory may be a student's folder, and nothing of it may be imported here.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "grader.grading.examiner", *map(str, descriptors), str(os.getpid())],
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                env=examiner_environment(os.environ),
            )

    def _warm_up(self, sandbox: str, suites: tuple[str, ...], preload: tuple[str, ...]) -> None:
        assignment = self.assignment
        settings = {
            "sandbox": sandbox,
            "environment": assignment.environment.value,
            "limits": asdict(assignment.limits),
            "suites": list(suites),
            "visible_suite": str(assignment.visible_suite),
            "preload": list(preload),
        }
        answer, _ = self._ask(settings, [])
        if "task_error" in answer:
            said = self._last_words() if answer.get("see_stderr") else ""
            raise SuiteError(
                f"the suite cannot be collected:\n{answer['task_error']}{said}",
                where=assignment.autotests,
                remedy="mend the suite",
            )
        self.tests: tuple[str, ...] = tuple(dict.fromkeys(answer["ready"]))

    def clone(self) -> ExaminerClone:
        """Another examiner, forked from this one between two submissions: warm at once, and in its memory.

        It ends with this one at the latest. May be called from another thread. Raises ExaminerLost.
        """
        ours, theirs = socket.socketpair()
        with theirs, contextlib.suppress(OSError):  # where it has ended, nobody answers
            socket.send_fds(self._cloning, [b"="], [theirs.fileno()])
        return ExaminerClone(ours, self)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()

    def close(self) -> None:
        self._control.close()
        self._cloning.close()
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=0.5)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._errors.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None


class ExaminerClone(Examiner):
    """An examiner that was forked from another one; see :meth:`ExaminerClient.clone`."""

    def __init__(self, control: socket.socket, first: ExaminerClient) -> None:
        self.assignment, self.tests = first.assignment, first.tests
        self._course_seed, self._errors = first._course_seed, first._errors
        self._control = control
        self._pidfd = -1
        try:
            answer, _ = self._hear()
            self._pidfd = os.pidfd_open(answer["pid"])
        except (InfrastructureError, OSError) as error:
            self.close()
            what = f"the examiner of {self.assignment.name} cannot be cloned: {error}"
            raise ExaminerLost(what, remedy="run: grader doctor") from error
        self._end = select.poll()
        self._end.register(self._pidfd, select.POLLIN)

    @property
    def alive(self) -> bool:
        return self._pidfd >= 0 and not self._end.poll(0)

    def kill(self) -> None:
        if self._pidfd >= 0:
            with contextlib.suppress(OSError):  # it has ended, or another thread has just closed this
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        self._control.close()
        if self._pidfd >= 0:
            if not self._end.poll(500):
                self.kill()
            os.close(self._pidfd)
            self._pidfd = -1


def examiner_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """An examiner's environment: the caller's, without options and plugins meant for a pytest of his own."""
    own = {name: value for name, value in variables.items() if not name.startswith("PYTEST_")}
    return {**own, **THREADS, **SUITE_RUN}


def _read(answer: dict[str, Any]) -> Examined:
    cases: dict[int, dict[str, list[CaseRecord]]] = {}
    replaced: dict[str, int] = {}
    accepted = set()
    for case in answer["cases"]:
        record = CaseRecord(
            case["test"],
            Outcome(case["outcome"]),
            case["fraction"],
            clean(case["message"], 4000),
            clean(case["traceback"], 8000),
            clean(case["output"]),
            case["seconds"],
        )
        cases.setdefault(case["seed"], {}).setdefault(record.test, []).append(record)
        replaced[record.test] = replaced.get(record.test, 0) + case["replaced"]
        if case["replaced"] and record.fraction:
            accepted.add(record.test)
    load = answer["load"]
    failure = None
    if load is not None:
        failure = LoadFailure(Outcome(load["outcome"]), clean(load["message"], 4000), clean(load["traceback"], 8000))
    return Examined(
        failure,
        tuple((number, clean(text, 2000)) for number, text in answer["cells"]),
        clean(answer["output"]),
        cases,
        replaced,
        frozenset(accepted),
        answer["seconds"],
        {number: tuple(map(_cleaned, outputs)) for number, outputs in answer["outputs"]},
    )


def _cleaned(output: dict[str, str]) -> dict[str, str]:
    return {**output, "text": clean(output["text"])}


def _unreachable(value: Any) -> dict[str, Any]:
    raise InfrastructureError(f"a submission's files hold a {type(value).__name__}")
