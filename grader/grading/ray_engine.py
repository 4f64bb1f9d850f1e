"""Grading a plan on a Ray cluster: this process reads and records, actors with warm examiners grade elsewhere.

Nothing is shared but what is sent: an actor gets an assignment as a :class:`Bundle`, unpacks it into a folder of its
own machine, and then gets submissions as bytes. Both ends are trusted; what a guest says has been decoded by then.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from grader.cluster import MAX_LOSSES, Errand, NodeFolder, RayCrew, WorkerLost, import_ray, ray_cluster, run_pool
from grader.errors import GraderError, InfrastructureError, SuiteError
from grader.grading.content_key import submission_key, suite_files, suite_key
from grader.grading.intake import Submission
from grader.grading.pipeline import (
    AssignmentGrader,
    Event,
    Failure,
    InvalidTask,
    Settings,
    not_graded,
    read_or_refuse,
)
from grader.grading.plan import Plan, Task
from grader.grading.schedule import Schedule
from grader.model import SubmissionFiles

# Begins the names of the folders that actors unpack into.
FOLDER_PREFIX = "grader-node-"

AnyError = TypeVar("AnyError", bound=GraderError)


def run_plan_on_ray(
    plan: Plan, settings: Settings, receive: Callable[[Event], None], address: str | None = None
) -> None:
    """Grade all that is due on a Ray cluster; :func:`grader.grading.pipeline.run_plan` tells what is received and when.

    A submission whose worker is lost is graded by another one; after MAX_LOSSES workers it is a Failure.

    :param settings: with ``jobs`` None, as many workers as the cluster has processors.
    :param address: ``HOST:PORT`` of the cluster; ``None``: RAY_ADDRESS, or a cluster of this machine for this run.
    Raises UsageError without Ray; InfrastructureError where the cluster cannot be reached or gives no worker, or where
    a machine of it cannot grade.
    """
    if not plan.due:
        return
    with ray_cluster(address, cpus=settings.jobs) as resources:
        work = GradingWork(plan, settings, receive, import_ray().put)
        size = settings.jobs or max(1, int(resources.get("CPU", 1)))
        run_pool(RayCrew(GradingActor), work, min(size, work.most_workers))


@dataclass(frozen=True, slots=True)
class Bundle:
    """An assignment as an actor is sent it."""

    task: Task  # with paths of the sender's machine
    suite: dict[str, bytes]  # path below the assignment's autotests -> content; without mistakes and alternatives
    solution: bytes
    settings: Settings
    preload: tuple[str, ...]


def pack(task: Task, settings: Settings, preload: tuple[str, ...]) -> Bundle:
    """Read an assignment's files; SuiteError where that does not work."""
    try:
        suite = {name: path.read_bytes() for name, path in suite_files(task.assignment.autotests)}
        solution = task.assignment.solution.read_bytes()
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise SuiteError(what, where=error.filename or "", remedy="mend its permissions") from error
    return Bundle(task, suite, solution, settings, preload)


def unpack(bundle: Bundle, root: Path) -> Task:
    """Write an assignment's files below an empty folder; the task with its paths there.

    Raises InfrastructureError where a submission graded here would have another key than where it was planned.
    """
    name = bundle.task.assignment.name
    solution = root / "solutions" / name / f"{name}.py"
    autotests = root / "autotests" / name
    files = {solution: bundle.solution, **{autotests / path: data for path, data in bundle.suite.items()}}
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assignment = replace(bundle.task.assignment, solution=solution, autotests=autotests)
    if suite_key(assignment, bundle.settings.course_seed, bundle.settings.sandbox) != bundle.task.key:
        raise InfrastructureError(
            f"{platform.node()} has other versions of Python, the frameworks or the grader than this machine",
            remedy="install the same versions on all machines of the cluster: equal work gets equal marks",
        )
    return replace(bundle.task, assignment=assignment)


# An actor's answer: an event, or why its machine cannot grade at all.
Answer = Event | InfrastructureError


class GradingActor:
    """Grades on one machine of the cluster; one call at a time."""

    def __init__(self) -> None:
        self._folder: NodeFolder | None = None  # None: nothing was sent yet
        self._grader: AssignmentGrader | None = None
        self._sender = Path()  # the course's folder on the machine that has sent the bundle

    def ready(self) -> None:
        """Answers when the actor's process has started."""

    def run(self, bundle: Bundle | None, student: str, files: SubmissionFiles) -> Answer:
        """Grade one submission.

        :param bundle: its assignment; ``None`` where this actor has it already.
        """
        try:
            if bundle is not None:
                self._change_to(bundle)
            assert self._grader is not None
            task = self._grader.task
            # Its files have been read where they lie.
            submission = Submission(student, task.assignment, Path("nowhere"))
            event = self._grader.grade(submission, files)
        except InfrastructureError as error:
            return self._told(error)
        except OSError as error:
            what = f"{platform.node()} cannot unpack an assignment: {error.strerror or error}"
            return InfrastructureError(what, remedy="make room in its temporary folder")
        if isinstance(event, Failure):
            return replace(event, error=self._told(event.error))
        return replace(event, error=self._told(event.error)) if isinstance(event, InvalidTask) else event

    def close(self) -> None:
        """End the processes and remove the files."""
        if self._grader is not None:
            self._grader.close()
            self._grader = None
        if self._folder is not None:
            self._folder.close()

    def _change_to(self, bundle: Bundle) -> None:
        if self._grader is not None:
            self._grader.close()
            self._grader = None
        self._sender = bundle.task.assignment.autotests.parents[1]
        self._folder = self._folder or NodeFolder(FOLDER_PREFIX)
        task = unpack(bundle, self._folder.subfolder("course"))
        self._grader = AssignmentGrader(task, bundle.settings, bundle.preload)

    def _told(self, error: AnyError) -> AnyError:
        """An error as the sender can use it: with paths of its own, and the name of this machine."""

        def translated(text: str) -> str:
            return text if self._folder is None else text.replace(str(self._folder.path / "course"), str(self._sender))

        told = type(error)(translated(error.what), where=translated(error.where), remedy=translated(error.remedy))
        for note in getattr(error, "__notes__", ()):
            told.add_note(translated(note))
        if isinstance(error, InfrastructureError):
            told.add_note(f"on the machine {platform.node()}")
        return told


class GradingWork:
    """What is due, for :func:`grader.cluster.run_pool`: reads submissions, passes events on, has lost ones repeated."""

    def __init__(
        self,
        plan: Plan,
        settings: Settings,
        receive: Callable[[Event], None],
        share: Callable[[Bundle], Any] = lambda bundle: bundle,
    ) -> None:
        """
        :param share: puts a bundle where every actor can get it; what it gives is sent in the bundle's place.
        """
        self._plan = plan
        self._settings = settings
        self._receive = receive
        self._share = share
        self._schedule = Schedule(plan.due)
        self._current: dict[int, str] = {}  # seat -> the assignment that its worker counts for in the schedule
        self._held: dict[int, str] = {}  # seat -> the assignment whose bundle its worker has
        self._bundles: dict[str, Any] = {}  # assignment -> what stands for its bundle
        self._losses: Counter[tuple[str, str]] = Counter()
        self._invalid: set[str] = set()

    @property
    def most_workers(self) -> int:
        return self._schedule.most_workers

    def take(self, seat: int) -> Errand[tuple[Submission, SubmissionFiles]] | None:
        """The next submission that can be read, with its assignment where the seat's worker has another one."""
        while (submission := self._schedule.take(self._current.pop(seat, None))) is not None:
            name = self._current[seat] = submission.assignment.name
            task = self._plan.tasks[name]
            read = read_or_refuse(submission, task)
            if not isinstance(read, SubmissionFiles):
                self._receive(read)
                continue
            try:
                bundle = None if self._held.get(seat) == name else self._bundle(task)
            except SuiteError as error:
                self._found_invalid(InvalidTask(name, error))
                continue
            self._held[seat] = name
            return Errand((submission, read), (bundle, submission.student, read))
        return None

    def done(self, seat: int, item: tuple[Submission, SubmissionFiles], answer: Answer) -> None:
        """Pass a result on. Raises the InfrastructureError of a machine that cannot grade."""
        if isinstance(answer, InfrastructureError):
            raise answer
        if isinstance(answer, InvalidTask):
            self._found_invalid(answer)
        else:
            self._receive(answer)

    def lost(self, seat: int, item: tuple[Submission, SubmissionFiles], error: WorkerLost) -> None:
        """Have a submission graded by another worker, or give it up after MAX_LOSSES of them."""
        submission, files = item
        name = submission.assignment.name
        self._schedule.leave(self._current.pop(seat))
        self._held.pop(seat)
        self._losses[name, submission.student] += 1
        if name in self._invalid:
            return
        if self._losses[name, submission.student] < MAX_LOSSES:
            self._schedule.give_back(submission)
            return
        failure = InfrastructureError(
            f"{MAX_LOSSES} workers of the cluster were lost at this submission",
            remedy="look at the cluster with ray status; grade it with --engine local",
        )
        failure.add_note(str(error))
        report = not_graded(submission, failure, submission_key(self._plan.tasks[name].key, files))
        self._receive(Failure(report, failure))

    def _found_invalid(self, event: InvalidTask) -> None:
        if event.assignment not in self._invalid:  # two workers may find it out
            self._invalid.add(event.assignment)
            self._schedule.drop(event.assignment)
            self._receive(event)

    def _bundle(self, task: Task) -> Any:
        name = task.assignment.name
        if name not in self._bundles:
            self._bundles[name] = self._share(pack(task, self._settings, self._plan.preload.get(name, ())))
        return self._bundles[name]
