"""One device, one task, one list of secret seeds: the reference and the submissions run there in turn."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from gpu_runner.datasets import Pool
from gpu_runner.devices.base import GIVEN, Device
from gpu_runner.draw import Draw, draw
from gpu_runner.judgement import counting, is_void, limit_seconds, needs_more_runs, own_seconds
from gpu_runner.run import Tell, run_once
from gpu_runner.zygotes import Zygotes, frameworks_on_gpu
from grader.errors import InfrastructureError, SuiteError
from grader.model import Limits, Outcome, SubmissionFiles, Timed, TrainingRun
from grader.sandbox import Guest, GuestKilled, Sandbox

# A disturbance that lasts is for people to look at; each repetition costs the queue a run.
MAX_VOID_RUNS = 3
# A disturbance that lasts is there the third time too, and submissions suffer it as well.
REFERENCE_TRIES = 2
# A run's clock runs at most so many times longer than its hard stop for what neighbours take.
MOST_STRETCH = 4.0
# Draws are kept for the next submission, as all get the same; a draw of CIFAR-10 has 150 MiB.
MAX_KEPT_BYTES = 2**30

Ignore: Tell = lambda _point: None  # noqa: E731  a default of several functions


@dataclass(frozen=True, slots=True)
class TimedTask:
    """All that running submissions of a timed task takes; it can be sent to another machine."""

    name: str  # the assignment's
    timed: Timed  # the variant that is run
    limits: Limits
    reference: SubmissionFiles
    small: bool = False
    where: str = ""  # its assignment.toml, for errors


def _stretch(run: TrainingRun) -> float:
    """How much longer the clock must run for a run to have the same time of its own, were it disturbed as before."""
    return run.seconds / max(own_seconds(run), run.seconds / MOST_STRETCH) if run.seconds else 1.0


def secret_seeds(count: int) -> tuple[int, ...]:
    """Seeds that nobody can guess, drawn before the first run; exact also where JSON's numbers are doubles."""
    return tuple(secrets.randbits(53) for _ in range(count))


class Session:
    """Runs on a device that the caller has locked; a context manager.

    Every submission gets the session's seeds in the same order, so that all are measured on the same draws.
    """

    def __init__(
        self, task: TimedTask, pool: Pool, device: Device, sandbox: Sandbox, seeds: tuple[int, ...]
    ) -> None:
        """:param seeds: at least ``max_seeds`` of them, from :func:`secret_seeds`."""
        if len(seeds) < task.timed.max_seeds:
            raise ValueError("a session needs a seed for every run of a submission")
        self.task = task
        self.device = device
        self.seeds = seeds
        self.references: list[TrainingRun] = []
        self._pool = pool
        self._draws: dict[int, Draw] = {}
        self._lock = threading.Lock()
        self._guest: Guest | None = None
        self._abandoned = False
        image_bytes = pool.images[:1].nbytes + pool.labels[:1].nbytes
        self._zygotes = Zygotes(sandbox, device.access, task.limits, task.timed.train_images * image_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the warm processes and let go of the draws; safe to call twice."""
        self._zygotes.close()
        while self._draws:
            self._draws.popitem()[1].close()

    def kill(self) -> None:
        """End the run under way from another thread, and every later one as soon as it begins."""
        with self._lock:
            self._abandoned = True
            if self._guest is not None:
                self._guest.condemn(GuestKilled("The grader was interrupted."))

    @property
    def classes(self) -> int:
        """How many classes the data set has."""
        return self._pool.classes

    @property
    def limit_seconds(self) -> float:
        """The time limit by the references so far; TaskError where none has passed."""
        return limit_seconds(self.task.timed, self.references)

    def run_reference(
        self,
        tell: Tell = Ignore,
        seed: int | None = None,
        set_aside: Callable[[TrainingRun], object] = lambda _run: None,
    ) -> TrainingRun:
        """Run the reference once; where it was disturbed, once more.

        :param seed: by default the next in turn of those that every submission gets.
        :param set_aside: called with a disturbed run that is repeated; it counts nowhere, but belongs to the record.
        Raises SuiteError where it does not train and predict, InfrastructureError where the sandbox or device fails.
        """
        stop = self.task.timed.hard_stop * max(self.task.timed.floor_seconds, 600.0)
        if self.references:
            stop = max(stop, self.task.timed.hard_stop * self.limit_seconds)
        for attempt in range(1, REFERENCE_TRIES + 1):
            chosen = self.seeds[len(self.references) % self.task.timed.seeds] if seed is None else seed
            run = self._run(self.task.reference, chosen, stop, tell)
            if run.outcome is not Outcome.PASSED and not run.disturbed:
                raise SuiteError(
                    f"the reference solution does not train: {run.outcome}, {run.message}\n{run.traceback}".rstrip(),
                    where=self.task.where,
                    remedy=f"run: grader verify {self.task.name}",
                )
            if not run.disturbed or attempt == REFERENCE_TRIES:
                break
            set_aside(run)
        if run.outcome is not Outcome.PASSED:
            raise InfrastructureError(
                f"the reference cannot be run on {self.device.name}: {run.disturbed}", remedy="free the device"
            )
        self.references.append(run)
        return run

    def run_submission(
        self,
        files: SubmissionFiles,
        before: Sequence[TrainingRun],
        record: Callable[[TrainingRun], object],
        tell: Tell = Ignore,
        timed: Timed | None = None,
    ) -> list[TrainingRun]:
        """Run a submission until its verdict is clear.

        :param before: its runs from an earlier session on a device of the same model; they count.
        :param record: called with each run as it is in.
        :param timed: rules of its own about how many runs are needed; by default the task's.
        :returns: all its runs. Raises InfrastructureError where the sandbox or the device fails, the device is
            disturbed again and again, or :meth:`kill` was called.
        """
        own: list[TrainingRun] = []
        while (run := self.run_next(files, before, own, tell, timed)) is not None:
            own.append(run)
            record(run)
        return [*before, *own]

    def run_next(
        self,
        files: SubmissionFiles,
        before: Sequence[TrainingRun],
        own: Sequence[TrainingRun],
        tell: Tell = Ignore,
        timed: Timed | None = None,
    ) -> TrainingRun | None:
        """Run a submission once more; None where its verdict is clear.

        :param own: its runs in this session; the other parameters and errors are those of :meth:`run_submission`.
        """
        runs = [*before, *own]
        limit = self.limit_seconds
        if not needs_more_runs(timed or self.task.timed, runs, limit):
            return None
        # Those of an earlier session aside: what disturbed the device then may be gone.
        if sum(is_void(run, limit) for run in own) > MAX_VOID_RUNS:
            raise InfrastructureError(
                f"{self.device.name} was disturbed again and again: {runs[-1].disturbed}",
                remedy="let nothing else compute on it; the submission stays in the queue",
            )
        # A void run is repeated with its own seed, and with the time that its neighbours took from it.
        seed = self.seeds[len(counting(runs, limit))]
        given = self.task.timed.hard_stop * limit
        stretch = max((_stretch(run) for run in own if run.seed == seed and is_void(run, limit)), default=1.0)
        run = self._run(files, seed, given * stretch, tell)
        return replace(run, conditions={**run.conditions, GIVEN: round(given, 3)})

    def _run(self, files: SubmissionFiles, seed: int, hard_stop_seconds: float, tell: Tell) -> TrainingRun:
        try:
            run = run_once(
                self._zygotes.of(files),
                files,
                self._zygotes.limits,
                self._draw(seed),
                self.task.timed,
                self.device,
                warm=frameworks_on_gpu(files) if self.device.kind == "cuda" else (),
                hard_stop_seconds=hard_stop_seconds,
                tell=tell,
                started=self._hold,
            )
        except InfrastructureError:
            self._zygotes.forget(files)
            raise
        finally:
            with self._lock:
                self._guest = None
        if self._abandoned:  # we ended it, and nobody can be charged with that
            raise InfrastructureError("the run was interrupted", remedy="run the command again")
        return run

    def _hold(self, guest: Guest) -> None:
        with self._lock:
            self._guest = guest
            if self._abandoned:
                guest.condemn(GuestKilled("The grader was interrupted."))

    def _draw(self, seed: int) -> Draw:
        if seed not in self._draws:
            made = draw(self._pool, self.task.timed, seed, self.task.where)
            while self._draws and (len(self._draws) + 1) * made.shared_bytes > MAX_KEPT_BYTES:
                self._draws.pop(next(iter(self._draws))).close()
            self._draws[seed] = made
        return self._draws[seed]
