"""What a timed run costs beside the student's work, and how far the host's clock is off."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpu_runner.datasets import Pool
from gpu_runner.devices.base import Device
from gpu_runner.session import Session, TimedTask, secret_seeds
from grader.cli.timed import wait_for_device
from grader.errors import GraderError
from grader.model import Outcome, SubmissionFiles, TrainingRun
from grader.sandbox import open_sandbox
from grader.store.database import Store
from grader.store.queue import JobQueue

# Works for so many seconds and tells, through ``log``, what its own stopwatch says of train (as the loss) and of
# predict (as the accuracy). The work is products of small matrices: a sleeping process would never share its core.
STOPWATCH = """
import time
import numpy as np


def train(images, labels, *, seed, device, log):
    start = time.perf_counter()
    x = np.full((64, 64), 1 / 64)
    while time.perf_counter() - start < {seconds}:
        x = x @ x
    return log, time.perf_counter() - start


def predict(model, images):
    start = time.perf_counter()
    log, train_seconds = model
    answers = images.reshape(len(images), -1).argmax(axis=1)
    log(loss=train_seconds, accuracy=time.perf_counter() - start)
    return answers
"""


@dataclass(frozen=True, slots=True)
class Overheads:
    """Of several runs of the reference, one after the other."""

    overhead: tuple[float, ...]  # wall seconds from asking for a run until it is stored, less those of the run
    run: tuple[float, ...]  # wall seconds of train and predict
    storing: tuple[float, ...]  # wall seconds of the transaction alone
    disturbed: int  # runs during which something else had the core


@dataclass(frozen=True, slots=True)
class ClockErrors:
    """The host's seconds against those of a stopwatch in the guest."""

    seconds: float  # that the submission works
    absolute: tuple[float, ...]  # host − guest, in seconds
    relative: tuple[float, ...]  # (host − guest) / guest


def run_overheads(task: TimedTask, pool: Pool, device: Device, count: int) -> Overheads:
    """Run the reference as if a student had handed it in, ``count`` times, on a warm device, into an SQLite file."""
    timed = dataclasses.replace(task.timed, seeds=count, max_seeds=count)
    task = dataclasses.replace(task, timed=timed)
    overhead, seconds, storing, disturbed = [], [], [], 0
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Store(f"sqlite:///{Path(folder) / 'results.sqlite'}") as store,
        device.lock(wait=wait_for_device(device.name)),
    ):
        queue = JobQueue(store)
        queue.enqueue(task.name, "student", "key", small=task.small, budget_seconds=timed.budget_seconds)
        number = queue.open_session(task.name, device.name, task.small, {})
        job = queue.take(task.name, task.small, device.name, number)
        assert job is not None
        with Session(task, pool, device, open_sandbox("bubblewrap"), secret_seeds(count)) as session:
            session.run_reference()  # starts the zygote
            asked = time.monotonic()

            def record(run: TrainingRun) -> None:
                nonlocal asked, disturbed
                _passed(run)
                begun = time.monotonic()
                queue.add_run(job.id, number, run)
                now = time.monotonic()
                storing.append(now - begun)
                overhead.append(now - asked - run.seconds)
                seconds.append(run.seconds)
                disturbed += bool(run.disturbed)
                asked = now

            session.run_submission(task.reference, (), record)
    return Overheads(tuple(overhead), tuple(seconds), tuple(storing), disturbed)


def clock_errors(
    task: TimedTask, pool: Pool, device: Device, durations: Sequence[tuple[float, int]]
) -> list[ClockErrors]:
    """Let a submission work for known times.

    :param durations: seconds, and how often.
    """
    found = []
    with device.lock(wait=wait_for_device(device.name)):
        for seconds, count in durations:
            timed = dataclasses.replace(task.timed, seeds=count, max_seeds=count, floor_seconds=60.0 + 10 * seconds)
            entry = task.reference.entry
            files = SubmissionFiles(task.name, entry, {entry: STOPWATCH.format(seconds=seconds).encode()})
            changed = dataclasses.replace(task, timed=timed, reference=files)
            with Session(changed, pool, device, open_sandbox("bubblewrap"), secret_seeds(count)) as session:
                session.run_reference()
                runs = session.run_submission(files, (), _passed)
            pairs = [(run.seconds, _stopwatch(run)) for run in runs]
            found.append(
                ClockErrors(
                    seconds,
                    tuple(host - guest for host, guest in pairs),
                    tuple((host - guest) / guest for host, guest in pairs),
                )
            )
    return found


def _stopwatch(run: TrainingRun) -> float:
    """Seconds of train and predict by the submission's own clock."""
    [point] = run.curve
    if point.loss is None or point.accuracy is None:
        raise GraderError("the stopwatch has told no times")
    return point.loss + point.accuracy


def _passed(run: TrainingRun) -> None:
    """GraderError where a run failed: its time would mean nothing."""
    if run.outcome is not Outcome.PASSED:
        raise GraderError(f"a run failed: {run.outcome}, {run.message}\n{run.traceback}")
