"""Whole classes through the queue: how busy the devices are kept, and whether the same work gets the same marks."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from gpu_runner.datasets import Pool
from gpu_runner.devices.base import Device
from gpu_runner.judgement import verdict_lines
from gpu_runner.local import Work, work_off
from gpu_runner.ports import Began, Event, Failed, Judged
from gpu_runner.session import TimedTask
from grader.course.examples import alternatives, read_mistakes
from grader.course.suite import read_suites
from grader.course.table import read_text
from grader.grading.verify import read_alternative, script
from grader.model import Assignment, Environment, GradeReport, Job, Status, SubmissionFiles, Training, TrainingRun
from grader.sandbox import open_sandbox
from grader.sandbox.imports import submission_environment
from grader.store.database import Store
from grader.store.queue import JobQueue

# Mistakes of which the whole class of verdict stability has one each: their accuracies lie far apart.
MISTAKES = ("one_epoch", "learns_a_slice", "softmax_twice", "dropout_while_predicting")
# Multinomial regression by gradient descent, stopped after so many steps. Measured offline on 40 draws: mean accuracy
# 0.916, 0.947 and 0.954 (standard deviation of one run 0.012 to 0.014), which is 0.95 from either side.
STEPS = (60, 300, 500)
REGRESSION = """
import numpy as np


def flat(images):
    return images.reshape(len(images), -1) / 16


def train(images, labels, *, seed, device):
    x, targets = flat(images), np.eye(10)[labels]
    weights = np.zeros((x.shape[1], 10))
    for _ in range({steps}):
        z = x @ weights
        p = np.exp(z - z.max(axis=1, keepdims=True))
        weights -= 0.5 * x.T @ (p / p.sum(axis=1, keepdims=True) - targets) / len(x)
    return weights


def predict(model, images):
    return (flat(images) @ model).argmax(axis=1)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A run as it came in."""

    at: float  # time.monotonic() when it was over, its guest ended, and it was not yet stored
    run: TrainingRun
    reference: bool


@dataclass(frozen=True, slots=True)
class Occupation:
    """Where the devices' time went."""

    device_seconds: float  # from each device's first call of train to its last run's end, added up
    student_seconds: float  # train and predict of students
    reference_seconds: float  # turns of the reference: where others have the core as well, it is run up to three times
    gaps: tuple[float, ...]  # of a student's run: seconds since the run before it ended, less its train and predict
    student_runs: int
    reference_runs: int
    disturbed: int  # runs during which something else had the core


@dataclass(frozen=True, slots=True)
class Marks:
    """What one submission got, round by round."""

    name: str
    marks: tuple[float, ...]
    accuracies: tuple[float, ...]  # mean of each round
    intervals: tuple[tuple[float, float], ...]  # of that mean
    runs: tuple[int, ...]  # that each round took

    @property
    def usual(self) -> float:
        """The most frequent mark."""
        return Counter(self.marks).most_common(1)[0][0]

    @property
    def agreeing(self) -> int:
        """Rounds that gave it."""
        return self.marks.count(self.usual)


class NotedQueue(JobQueue):
    """The queue, with a note of when each run came in and when the reference's turn began."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.entries: list[Entry] = []  # appended by the workers' threads
        self.turns: list[tuple[str, float]] = []  # device and time.monotonic()

    def add_run(self, job: int | None, session: int, run: TrainingRun) -> None:
        self.entries.append(Entry(time.monotonic(), run, job is None))
        super().add_run(job, session, run)


def whole_class(assignment: Assignment) -> dict[str, SubmissionFiles]:
    """Twelve submissions: the reference, all alternatives without TensorFlow, and work of several accuracies."""
    reference = read_text(assignment.solution, remedy="mend the solution source")
    files = {"reference": script(assignment, reference)}
    for path in alternatives(assignment):
        alternative = read_alternative(assignment, path)
        if submission_environment(alternative) is not Environment.TENSORFLOW:
            files[path.stem] = alternative
    tests = frozenset(spec.name for spec in read_suites(assignment))
    for mistake in read_mistakes(assignment, tests):
        if mistake.name in MISTAKES:
            files[mistake.name] = script(assignment, mistake.applied_to(reference))
    for steps in STEPS:
        files[f"regression, {steps} steps"] = script(assignment, REGRESSION.format(steps=steps))
    return files


def occupation(task: TimedTask, pool: Pool, devices: Sequence[Device], count: int) -> Occupation:
    """Work off ``count`` submissions that are all copies of the reference."""
    files = {f"student{number:03}": task.reference for number in range(count)}
    with class_run(task, pool, devices, files) as (queue, _found):
        entries, turns = queue.entries, queue.turns
    whole = reference_seconds = 0.0
    gaps: list[float] = []
    for device in devices:
        runs = [entry for entry in entries if entry.run.device == device.name]
        if not runs:
            continue  # the other has done it all
        # The reference comes first; what its guest's framework took to start is not counted.
        whole += runs[-1].at - runs[0].at + runs[0].run.seconds
        reference_seconds += runs[0].run.seconds
        begun = [at for name, at in turns if name == device.name]
        for before, after in pairwise(runs):
            if after.reference:
                reference_seconds += after.at - max(at for at in begun if at < after.at)
            else:
                gaps.append(after.at - after.run.seconds - before.at)
    students = [entry.run for entry in entries if not entry.reference]
    return Occupation(
        device_seconds=whole,
        student_seconds=sum(run.seconds for run in students),
        reference_seconds=reference_seconds,
        gaps=tuple(gaps),
        student_runs=len(students),
        reference_runs=len(entries) - len(students),
        disturbed=sum(bool(entry.run.disturbed) for entry in entries),
    )


def stability(
    task: TimedTask, pool: Pool, devices: Sequence[Device], files: Mapping[str, SubmissionFiles], rounds: int
) -> list[Marks]:
    """Grade the same class ``rounds`` times, each in sessions of its own with fresh secret seeds."""
    found: dict[str, list[Training]] = {name: [] for name in files}
    for _ in range(rounds):
        with class_run(task, pool, devices, files) as (_queue, trainings):
            for name, training in trainings.items():
                found[name].append(training)
    return [
        Marks(
            name,
            tuple(sum(line.earned for line in verdict_lines(task.timed, training)) for training in trainings),
            tuple(training.accuracy for training in trainings if training.accuracy is not None),
            tuple(
                (training.low, training.high)
                for training in trainings
                if training.low is not None and training.high is not None
            ),
            tuple(len(training.runs) for training in trainings),
        )
        for name, trainings in found.items()
    ]


@contextlib.contextmanager
def class_run(
    task: TimedTask, pool: Pool, devices: Sequence[Device], files: Mapping[str, SubmissionFiles]
) -> Iterator[tuple[NotedQueue, dict[str, Training]]]:
    """Queue submissions in a fresh SQLite file, work them off, and give the queue and what each came to."""
    found: dict[str, Training] = {}
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Store(f"sqlite:///{Path(folder) / 'results.sqlite'}") as store,
    ):
        queue = NotedQueue(store)
        jobs = [
            queue.enqueue(task.name, name, name, small=task.small, budget_seconds=task.timed.budget_seconds).id
            for name in files
        ]

        def judge(job: Job, training: Training) -> None:
            lines = verdict_lines(task.timed, training)
            earned, points = sum(line.earned for line in lines), sum(line.points for line in lines)
            report = GradeReport(
                task.name, job.student, Status.GRADED, earned, points, lines, key=job.key, training=training
            )
            store.record(report, job.id)

        def receive(event: Event) -> None:
            if isinstance(event, Began) and not event.student:
                queue.turns.append((event.device, time.monotonic()))
            elif isinstance(event, Judged):
                found[event.job.student] = event.training
            elif isinstance(event, Failed):
                raise event.error  # a benchmark of which a part is missing means nothing

        sandbox: Any = lambda: open_sandbox("bubblewrap")  # noqa: E731  each worker opens its own
        work = Work(task, pool, sandbox, tuple(jobs), lambda job: files[job.student], judge)
        work_off(work, devices, queue, receive)
        yield queue, found
