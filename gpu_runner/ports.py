"""What the runner asks of the queue, and what it tells while it works; the command line supplies the one and shows the
other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grader.errors import GraderError
from grader.model import CurvePoint, Job, SubmissionFiles, Training, TrainingRun


class Queue(Protocol):
    """The persistent queue; each call is one transaction and safe in any thread."""

    def take(
        self, assignment: str, small: bool, device: str, session: int, among: Collection[int]
    ) -> Job | None:
        """Claim the next job among these for a device; None where none of them is queued."""

    def add_run(self, job: int | None, session: int, run: TrainingRun) -> None:
        """Keep a run of a job, or with None of the reference."""

    def trained(self, job: int) -> None:
        """All runs of a job are in."""

    def requeue(self, job: int) -> None:
        """Give a job back; its runs are kept."""

    def take_back(self, device: str) -> Sequence[Job]:
        """Queue again what was running on a device, whose lock the caller holds: who ran it is gone."""

    def open_session(self, assignment: str, device: str, small: bool, info: Mapping[str, Any]) -> int:
        """Note that a session begins; its number."""

    def close_session(self, session: int, seeds: Sequence[int] | None) -> None:
        """Note that it has ended, and its seeds (None: they are lost)."""

    def unfinished_sessions(self, device: str) -> Sequence[int]:
        """Sessions of a device without an end: those of runners that were killed."""

    def references(self, session: int) -> Sequence[TrainingRun]:
        """The reference's runs in a session."""

    def trained_jobs(self, session: int) -> Sequence[Job]:
        """Jobs of a session that wait for their verdict."""


# Gives the files of a job, or None where what lies there now is not what was queued.
ReadJob = Callable[[Job], SubmissionFiles | None]
# Makes the report of a job and stores it, in one transaction with the job's new state.
Judge = Callable[[Job, Training], object]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device is in use by somebody else."""

    device: str
    why: str


@dataclass(frozen=True, slots=True)
class Began:
    """A run begins."""

    device: str
    student: str  # empty: the reference
    number: int  # of this submission's runs, from 1


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the learning curve of the run that is under way on a device."""

    device: str
    point: CurvePoint


@dataclass(frozen=True, slots=True)
class Ended:
    """A run is in."""

    device: str
    student: str
    run: TrainingRun


@dataclass(frozen=True, slots=True)
class Judged:
    """A submission has its verdict, which is stored."""

    job: Job
    training: Training


@dataclass(frozen=True, slots=True)
class Failed:
    """The runner failed at a submission, which stays queued; or, without one, at its device."""

    device: str
    error: GraderError
    job: Job | None = None


Event = Waiting | Began | Point | Ended | Judged | Failed
Tell = Callable[[Event], object]
