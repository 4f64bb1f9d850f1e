"""Timed tasks on a Ray cluster: this process keeps the queue and judges, actors train on the devices of its nodes.

To the caller it is as :func:`gpu_runner.local.work_off`, with one exception: learning curves come with the runs and not
while they are drawn. Where a node is lost, its job keeps the runs that are in and is queued again, and so do those
that wait for a verdict there; the next session that trains them counts those runs if its device is of the same model.
"""

from __future__ import annotations

import itertools
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from gpu_runner.catalogue import CATALOGUE
from gpu_runner.datasets import Pool, content_key
from gpu_runner.ledger import Ledger, read_queued, take_over
from gpu_runner.local import Work
from gpu_runner.ports import Event, Failed, Queue, Tell, Waiting
from gpu_runner.ray_actor import (
    Answer,
    Busy,
    FindDevices,
    Held,
    Open,
    Opened,
    Order,
    PoolSource,
    RayHeld,
    Reference,
    Submission,
    TrainingActor,
    devices_of_node,
    versions,
)
from gpu_runner.session import secret_seeds
from grader.cluster import MAX_LOSSES, Errand, RayCrew, SeatRetired, WorkerLost, import_ray, ray_cluster, run_pool
from grader.errors import InfrastructureError, TaskError
from grader.model import Job, SubmissionFiles, Timed, TrainingRun


def work_off_on_ray(
    work: Work,
    queue: Queue,
    receive: Tell,
    *,
    address: str | None = None,
    kind: str | None = None,
    workers: int | None = None,
    gpus: float | None = None,
    find: FindDevices = devices_of_node,
) -> None:
    """Work off the jobs on a cluster; returns when none is queued any more that its nodes can run.

    :param work: its ``sandbox`` is sent to the nodes, so it has to be importable: a function or a partial of one.
    :param receive: called in this thread with everything that happens. Whatever it raises stops the work.
    :param address: ``HOST:PORT`` of the cluster; ``None``: RAY_ADDRESS, or a cluster of this machine for this run.
    :param kind: "cpu" or "cuda"; ``None``: GPUs where the cluster has any.
    :param workers: at one time; ``None``: one per GPU, or share of one that the task allows, or one per node.
    :param gpus: what each claims of Ray; ``None``: the task's ``gpu_share`` of a GPU for "cuda", else none.
    Raises UsageError without Ray; TaskError where the reference fails; InfrastructureError where the cluster cannot be
    reached, gives no worker, or has no GPU for a task that needs one. However it ends, no process is left, and jobs
    without a verdict are queued.
    """
    if not work.among:
        return
    with ray_cluster(address) as resources:
        ray = import_ray()
        kind = kind or ("cuda" if resources.get("GPU", 0.0) > 0 else "cpu")
        require_kind(kind, work.task.timed, resources.get("GPU", 0.0))
        share = work.task.timed.gpu_share
        claimed = gpus if gpus is not None else share if kind == "cuda" else 0.0
        if workers is None and claimed:
            workers = int(resources.get("GPU", 0.0) / claimed + 1e-9)
        elif workers is None:
            workers = sum(node["Alive"] and node["Resources"].get("CPU", 0.0) >= 1 for node in ray.nodes())
        driver = Driver(work, queue, receive, kind, RayHeld.put, find)
        try:
            run_pool(RayCrew(TrainingActor, num_gpus=claimed), driver, min(max(1, workers), len(work.among)))
        finally:
            driver.close()


def require_kind(kind: str, timed: Timed, gpus: float) -> None:
    """InfrastructureError where the task or the caller needs GPUs and the cluster has none."""
    if timed.device == "cuda" and kind != "cuda":
        raise InfrastructureError(
            "this task is meant for a GPU, and there is none to use",
            remedy="run it on a cluster with GPUs, or try the small variant with --small",
        )
    if kind == "cuda" and gpus <= 0:
        raise InfrastructureError("the cluster has no GPU", remedy="run: ray status; add a machine with a GPU")


class Asked(Enum):
    """What a worker is at."""

    OPEN = "open"
    REFERENCE = "reference"
    SUBMISSION = "submission"


@dataclass(slots=True)
class _Seat:
    """What the driver knows of one worker."""

    name: str
    failed: set[int] = field(default_factory=set)  # jobs that could not be run here
    seeds: tuple[int, ...] = ()
    ledger: Ledger | None = None  # None: there is no session
    job: Job | None = None  # that is being run
    files: SubmissionFiles | None = None
    before: tuple[TrainingRun, ...] = ()
    own: tuple[TrainingRun, ...] = ()
    losses: int = 0  # workers that were lost and not over a job
    told_waiting: bool = False
    retired: bool = False


class Driver:
    """The jobs, for :func:`grader.cluster.run_pool`; one session per seat and worker."""

    def __init__(
        self,
        work: Work,
        queue: Queue,
        receive: Tell,
        kind: str,
        share: Callable[[Pool], Held],
        find: FindDevices = devices_of_node,
    ) -> None:
        """:param share: puts the data set where every actor can get it; called once."""
        self._work = work
        self._queue = queue
        self._receive = receive
        self._kind = kind
        self._find = find
        dataset = CATALOGUE.get(work.task.timed.dataset)
        # What a package bundles has no checksums: nothing tells whether a node's would be the same.
        key = content_key(dataset) if dataset is not None and dataset.files else ""
        self._pool = PoolSource(work.task.timed.dataset, key, share(work.pool))
        self._versions = versions()
        self._seats: dict[int, _Seat] = {}
        self._among = set(work.among)  # jobs, without those that were given up
        self._left = set(work.among)  # of these, the ones that may be queued, as far as is known here
        self._losses: Counter[int] = Counter()  # by job

    def take(self, number: int) -> Errand[Asked] | None:
        """What a seat's worker does next."""
        seat = self._seats.setdefault(number, _Seat(f"worker {number + 1}"))
        while True:
            if seat.retired:
                raise SeatRetired
            if seat.ledger is None:
                return self._opening(seat)
            if seat.job is not None:
                assert seat.files is not None
                return _errand(Asked.SUBMISSION, Submission(seat.files, seat.before, seat.own))
            if not seat.ledger.reference_due and self._claim(seat):
                continue
            if seat.ledger.reference_due or seat.ledger.waiting:
                seat.ledger.begin_reference()
                return _errand(Asked.REFERENCE, Reference())
            self._end(seat)

    def done(self, number: int, asked: Asked, answer: Answer) -> None:
        """Store a run, and judge where that can be done. Raises the TaskError of a reference that fails."""
        seat = self._seats[number]
        if isinstance(answer, TaskError):
            raise answer
        if asked is Asked.OPEN:
            self._opened(seat, answer)
            return
        assert seat.ledger is not None
        if isinstance(answer, TrainingRun):
            answer = replace(answer, device=seat.ledger.device)
        if asked is Asked.REFERENCE:
            if isinstance(answer, InfrastructureError):
                self._retire(seat, answer)
            else:
                assert isinstance(answer, TrainingRun)
                seat.ledger.add_reference(answer)
            return
        job = seat.job
        assert job is not None
        if isinstance(answer, TrainingRun):
            seat.ledger.add_run(job, answer)
            seat.own = (*seat.own, answer)
            return
        if isinstance(answer, InfrastructureError):
            seat.ledger.give_back(job, answer)
        else:
            assert answer is None
            seat.ledger.trained(job)
        seat.job = None

    def lost(self, number: int, asked: Asked, error: WorkerLost) -> None:
        """Queue a lost worker's jobs again; a job that loses one after the other is given up, and stays queued."""
        seat = self._seats[number]
        job, device = seat.job, seat.ledger.device if seat.ledger else seat.name
        self._end(seat)
        seat.told_waiting = False
        if job is None:
            seat.losses += 1
            if seat.losses >= MAX_LOSSES:
                self._retire(seat, _given_up("while they ran the reference or were about to", error))
            return
        self._losses[job.id] += 1
        if self._losses[job.id] >= MAX_LOSSES:
            self._among.discard(job.id)
            self._left.discard(job.id)
            self._receive(Failed(device, _given_up("at this submission", error), job))

    def close(self) -> None:
        """Queue again what has no verdict, and end the sessions, whose workers are gone by now."""
        for seat in self._seats.values():
            self._end(seat)

    def _opening(self, seat: _Seat) -> Errand[Asked] | None:
        if not self._left - seat.failed:
            return None
        work = self._work
        seat.seeds = secret_seeds(work.task.timed.max_seeds)
        return _errand(
            Asked.OPEN,
            Open(
                work.task,
                self._pool,
                work.sandbox,
                self._kind,
                work.task.timed.gpu_share,
                self._find,
                seat.seeds,
                self._versions,
            ),
        )

    def _opened(self, seat: _Seat, answer: Answer) -> None:
        if isinstance(answer, InfrastructureError):
            self._retire(seat, answer)
        elif isinstance(answer, Busy):
            if not seat.told_waiting:
                seat.told_waiting = True
                self._receive(Waiting(seat.name, f"{answer.why}; waiting for it"))
        else:
            assert isinstance(answer, Opened)
            device = self._device(answer)
            self._return(take_over(self._queue, device))
            work = self._work
            seat.ledger = Ledger(
                work.task, self._queue, work.judge, self._told, device, answer.model, seat.seeds, seat.failed
            )

    def _device(self, opened: Opened) -> str:
        """The name of a device as seen from this machine, whose own are called as without Ray.

        What a killed run has left is found by this name. It is told from a device in use even where two machines say
        that they have the same name.
        """
        here = platform.node()
        name = opened.device if opened.host == here else f"{opened.device} on {opened.host}"
        used = {seat.ledger.device for seat in self._seats.values() if seat.ledger is not None}
        numbered = (f"{name} ({number})" for number in itertools.count(2))
        return name if name not in used else next(each for each in numbered if each not in used)

    def _claim(self, seat: _Seat) -> bool:
        """Give a seat its next job; False where nothing is queued for it."""
        assert seat.ledger is not None
        job = seat.ledger.claim(self._among)
        if job is None:
            self._left &= seat.failed  # others have the rest
            return False
        self._left.discard(job.id)
        seat.job = job
        try:
            seat.files = read_queued(self._work.read, job)
        except InfrastructureError as error:
            seat.job = None
            seat.ledger.give_back(job, error)
            return True
        seat.before, seat.own = tuple(seat.ledger.before(job)), ()
        seat.ledger.begin(job)
        return True

    def _end(self, seat: _Seat) -> None:
        """End a seat's session, if there is one."""
        ledger, seat.ledger = seat.ledger, None
        job, seat.job = seat.job, None
        if ledger is None:
            return
        if job is not None:
            ledger.give_back(job)
            self._return([job])
        self._return(ledger.close())

    def _retire(self, seat: _Seat, error: InfrastructureError) -> None:
        """Give a seat up: its node cannot do this work."""
        device = seat.ledger.device if seat.ledger else seat.name
        self._end(seat)
        seat.retired = True
        self._receive(Failed(device, error))

    def _return(self, jobs: Sequence[Job]) -> None:
        self._left.update({job.id for job in jobs} & self._among)

    def _told(self, event: Event) -> None:
        """Pass an event on; a job at which this worker has failed is left for the others."""
        if isinstance(event, Failed) and event.job is not None:
            self._return([event.job])
        self._receive(event)


def _errand(asked: Asked, order: Order) -> Errand[Any]:
    return Errand(asked, (order,))


def _given_up(where: str, error: WorkerLost) -> InfrastructureError:
    failure = InfrastructureError(
        f"{MAX_LOSSES} workers of the cluster were lost {where}",
        remedy="look at the cluster with ray status; train with --engine local",
    )
    failure.add_note(str(error))
    return failure
