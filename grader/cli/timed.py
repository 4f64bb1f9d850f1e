"""Timed tasks on the command line: from the reports of the visible suites to queue, devices and whole reports."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.errors import ConfigError, InfrastructureError, SubmissionError, TaskError, UsageError

if TYPE_CHECKING:
    from gpu_runner.datasets import Pool
    from gpu_runner.devices.base import Device
    from gpu_runner.ports import Event as TimedEvent
    from gpu_runner.session import TimedTask
    from grader.grading.intake import Submission
    from grader.grading.pipeline import Event
    from grader.grading.plan import Plan
    from grader.model import Assignment, Course, GradeReport, Job, SubmissionFiles, Timed, Training
    from grader.store.database import Store
    from grader.store.queue import JobQueue

KIB = 1024
WAIT_SECONDS = 0.5  # between two looks at a device that somebody else holds


@dataclass(frozen=True, slots=True)
class TimedOptions:
    """What the command line says about timed tasks."""

    data: Path | None = None  # folder of the data sets; None: $GRADER_DATA or the cache
    device: str | None = None  # "cpu" or "cuda"; None: a GPU where there is one
    workers: int | None = None  # devices at one time; None: all GPUs, or one CPU core
    small: bool = False
    sandbox: str = "bubblewrap"
    engine: str = "local"
    ray_address: str | None = None
    again: bool = False  # train unchanged submissions too


def with_variant(course: Course, *, small: bool) -> Course:
    """The course whose timed tasks are judged by [timed], or by [timed.small] where there is one."""
    if not small:
        return course
    return dataclasses.replace(course, assignments=tuple(small_variant(each) for each in course.assignments))


def small_variant(assignment: Assignment) -> Assignment:
    """The assignment judged by [timed.small], where it has one."""
    timed = assignment.timed
    return assignment if timed is None or timed.small is None else dataclasses.replace(assignment, timed=timed.small)


def require_small(assignments: Collection[Assignment]) -> None:
    """UsageError where one of these has no [timed.small]."""
    for assignment in assignments:
        if assignment.timed is not None and assignment.timed.small is None:
            raise UsageError(
                f"{assignment.name} has no small variant",
                where="--small",
                remedy="write a table [timed.small] into its assignment.toml, or leave --small out",
            )


def timed_of(assignment: Assignment) -> Timed:
    """Its table [timed]; UsageError where it has none."""
    if assignment.timed is None:
        raise UsageError(f"{assignment.name} is no timed task", remedy="name an assignment with a table [timed]")
    return assignment.timed


def timed_task(assignment: Assignment, *, small: bool) -> TimedTask:
    """What the runner has to know of an assignment, whose variant was chosen before."""
    from gpu_runner.session import TimedTask
    from grader.course.table import read_text
    from grader.grading.verify import script

    return TimedTask(
        assignment.name,
        timed_of(assignment),
        assignment.limits,
        script(assignment, read_text(assignment.solution, remedy="mend the solution source")),
        small,
        str(assignment.solution.parent / "assignment.toml"),
    )


class NoSuitableDevice(InfrastructureError):
    """A task is meant for another kind of device than this machine has."""


def open_devices(timed: Timed, options: TimedOptions) -> list[Device]:
    """The devices to run on.

    Raises InfrastructureError where the task needs a GPU and there is none, or the device that was asked for is not
    there.
    """
    from gpu_runner.devices import find_devices

    devices = find_devices(options.device, options.workers)
    if timed.device == "cuda" and any(device.kind != "cuda" for device in devices):
        raise NoSuitableDevice(
            "this task is meant for a GPU, and there is none to use",
            remedy="run it on a machine with a CUDA device, or try the small variant with --small",
        )
    return devices


def load_data(timed: Timed, options: TimedOptions) -> Pool:
    """The task's data set.

    Raises ConfigError where there is none of that name; InfrastructureError where its files are not here as they
    should be: another machine may have them, so the work stays due.
    """
    from gpu_runner.datasets import data_folder, find, load_pool

    find(timed.dataset)
    try:
        return load_pool(timed.dataset, data_folder(options.data))
    except ConfigError as error:
        failure = InfrastructureError(f"the data set {timed.dataset} cannot be used on this machine")
        failure.add_note(str(error))  # which names folders of this machine, and so is not for students
        raise failure from error


def wait_for_device(name: str) -> Callable[[], bool]:
    """What a device's lock asks while somebody else holds it: waits without end, and says so once."""
    told = False

    def wait() -> bool:
        nonlocal told
        if not told:
            click.echo(f"{name} is in use; waiting for it (Ctrl-C to give up)", err=True)
            told = True
        time.sleep(WAIT_SECONDS)
        return True

    return wait


class TimedPhase:
    """Trains what the visible suites have let through, task by task."""

    def __init__(self, course: Course, options: TimedOptions, plan: Plan) -> None:
        self._assignments = {each.name: each for each in course.assignments if each.timed is not None}
        self._options = options
        self._plan = plan

    def wants(self, report: GradeReport) -> bool:
        """Whether a report of the suites is half the story: the submission loads, and now it has to train."""
        return report.assignment in self._assignments and report.status == "graded"

    def run(
        self,
        held: Sequence[GradeReport],
        store: Store,
        receive: Callable[[Event], None],
        show: Callable[[TimedEvent], object],
    ) -> None:
        """Train and judge.

        :param held: the reports that :meth:`wants` has picked out; they are not in the store yet.
        :param receive: called with each result, as it is for the suites; by then it is in the store.
        :param show: called with all that happens on the devices.
        """
        from grader.grading.pipeline import InvalidTask

        for name, assignment in self._assignments.items():
            reports = {report.student: report for report in held if report.assignment == name}
            if not reports:
                continue
            places = {each.student: each for each in self._plan.due if each.assignment.name == name}
            work = _TaskRun(assignment, self._options, self._plan, places, reports, store, receive, show)
            try:
                work.run()
            except TaskError as error:
                receive(InvalidTask(name, error))
            except InfrastructureError as error:
                for student in list(work.open):
                    work.fail(student, error)


class _TaskRun:
    """All due submissions of one timed task."""

    def __init__(
        self,
        assignment: Assignment,
        options: TimedOptions,
        plan: Plan,
        places: dict[str, Submission],
        reports: dict[str, GradeReport],
        store: Store,
        receive: Callable[[Event], None],
        show: Callable[[TimedEvent], object],
    ) -> None:
        self.open = dict.fromkeys(reports)  # students without a result yet
        self._assignment = assignment
        self._timed = timed_of(assignment)
        self._options = options
        self._task = plan.tasks[assignment.name]
        self._places = places
        self._reports = reports
        self._store = store
        self._receive = receive
        self._show = show
        self._judged: dict[int, GradeReport] = {}  # by job
        self._outdated = {student: self._mark(student) for student in reports} if options.again else {}

    def run(self) -> None:
        from grader.store.queue import JobQueue

        devices = [] if self._options.engine == "ray" else open_devices(self._timed, self._options)
        pool = load_data(self._timed, self._options)
        queue = JobQueue(self._store)
        jobs: dict[int, Job] = {}
        for student, report in self._reports.items():
            if not self._oversized(student, report) and not self._graded_meanwhile(student):
                job = queue.enqueue(
                    self._assignment.name,
                    student,
                    report.key,
                    small=self._options.small,
                    budget_seconds=self._timed.budget_seconds,
                )
                if job.state == "over budget":
                    self.fail(student, over_budget(self._timed, self._assignment))
                else:
                    jobs[job.id] = job
        if jobs:
            self._work_off(devices, pool, queue, jobs)

    def _work_off(self, devices: list[Device], pool: Pool, queue: JobQueue, jobs: dict[int, Job]) -> None:
        from gpu_runner.local import Work, work_off
        from gpu_runner.ports import Failed, Judged
        from grader.sandbox import open_sandbox

        trouble: list[InfrastructureError] = []
        failed: dict[str, InfrastructureError] = {}  # students; another device may yet succeed with their work

        def receive(event: TimedEvent) -> None:
            self._show(event)
            if isinstance(event, Judged):
                self.open.pop(event.job.student, None)
                self._receive(self._judged.pop(event.job.id))
            elif isinstance(event, Failed) and isinstance(event.error, InfrastructureError):
                if event.job is None:
                    trouble.append(event.error)
                else:
                    failed[event.job.student] = event.error

        work = Work(
            timed_task(self._assignment, small=self._options.small),
            pool,
            functools.partial(open_sandbox, self._options.sandbox),  # not a lambda: nodes of a cluster are sent it
            tuple(jobs),
            self._read,
            self._judge,
        )
        if self._options.engine == "ray":
            from gpu_runner.ray_engine import work_off_on_ray

            options = self._options
            work_off_on_ray(
                work,
                queue,
                receive,
                address=options.ray_address,
                kind=options.device,
                workers=options.workers,
            )
        else:
            work_off(work, devices, queue, receive)
        for job in jobs.values():
            if job.student in self.open and not self._graded_meanwhile(job.student):
                self.fail(job.student, failed.get(job.student) or (trouble[0] if trouble else self._left(queue, job)))

    def _mark(self, student: str) -> GradeReport | None:
        """The mark that the store holds for what the student has handed in."""
        return self._store.find(self._assignment.name, student, self._reports[student].key)

    def _graded_meanwhile(self, student: str) -> bool:
        """Whether another command has graded the submission since this one began; its mark is ours too."""
        mark = self._mark(student)
        outdated = self._outdated.get(student)
        if mark is None or (outdated is not None and mark.graded_at == outdated.graded_at):
            return False
        self.open.pop(student, None)
        self._receive(mark)
        return True

    @staticmethod
    def _left(queue: JobQueue, job: Job) -> InfrastructureError:
        """Why a submission was not trained, though nothing has failed."""
        [now] = [each for each in queue.jobs(job.assignment) if each.id == job.id]
        if now.state == "cancelled":
            return InfrastructureError(f"job {job.id} was taken out of the queue: {now.reason}", remedy="run it again")
        return InfrastructureError(f"its turn has not come: job {job.id} is {now.state}", remedy="run it again")

    def _read(self, job: Job) -> SubmissionFiles | None:
        from grader.grading.content_key import submission_key
        from grader.grading.intake import read_submission

        try:
            files = read_submission(self._places[job.student], self._task.handout)
        except SubmissionError:
            return None
        return files if submission_key(self._task.key, files) == job.key else None

    def _judge(self, job: Job, training: Training) -> None:
        report = with_training(self._reports[job.student], self._timed, training)
        self._store.record(report, job.id)
        self._judged[job.id] = report

    def _oversized(self, student: str, report: GradeReport) -> bool:
        """Whether too much was handed in to be trained; the report then says so and is settled."""
        from grader.grading.intake import read_submission

        try:
            files = read_submission(self._places[student], self._task.handout)
        except SubmissionError:
            return False  # it has changed under our hands; the queue will notice
        size = -(-code_bytes(files) // KIB)
        if size <= self._timed.source_kb:
            return False
        settled = untrained(report, f"{size} KiB of code were handed in; {self._timed.source_kb} KiB are allowed.")
        self._store.record(settled)
        self.open.pop(student, None)
        self._receive(settled)
        return True

    def fail(self, student: str, error: InfrastructureError) -> None:
        """Settle a submission at which the grader has failed: it stays due."""
        from grader.grading.pipeline import Failure, not_graded

        report = not_graded(self._places[student], error, self._reports[student].key)
        self._store.record(report)
        self.open.pop(student, None)
        self._receive(Failure(report, error))


def over_budget(timed: Timed, assignment: Assignment) -> InfrastructureError:
    """Why a submission is not trained: the student's device time is used up."""
    return InfrastructureError(
        f"the {timed.budget_seconds:g} seconds of device time that a student has for this task are used up",
        where=assignment.solution.parent / "assignment.toml",
        remedy="raise budget_seconds there and run it again, or leave the earlier mark as it is",
    )


def code_bytes(files: SubmissionFiles) -> int:
    """Bytes of all that was handed in, a notebook counted by its code alone."""
    others = sum(len(data) for path, data in files.files.items() if path != files.entry)
    return len(files.source.encode()) + others


def with_training(report: GradeReport, timed: Timed, training: Training) -> GradeReport:
    """A report of the visible suite with the two lines that timed runs decide."""
    from gpu_runner.datasets import find
    from gpu_runner.judgement import verdict_lines
    from grader.grading.scoring import total

    lines = {line.name: line for line in verdict_lines(timed, training, classes=len(find(timed.dataset).classes))}
    tests = tuple(lines.get(test.name, test) for test in report.tests)
    return dataclasses.replace(
        report,
        tests=tests,
        score=total(tests),
        training=training,
        seconds=report.seconds + sum(run.seconds for run in training.runs),
        graded_at=datetime.now(UTC),
    )


def untrained(report: GradeReport, why: str) -> GradeReport:
    """A report of a submission that is not trained, by its own fault."""
    from grader.course.timed import ACCURACY, TIME
    from grader.model import Outcome

    tests = tuple(
        dataclasses.replace(test, outcome=Outcome.FAILED, message=why) if test.name in (ACCURACY, TIME) else test
        for test in report.tests
    )
    return dataclasses.replace(report, tests=tests, graded_at=datetime.now(UTC))
