"""The engine of this machine: one worker, a thread, per device; each works off the queue until nothing is left."""

from __future__ import annotations

import contextlib
import queue as queues
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from gpu_runner.datasets import Pool
from gpu_runner.devices.base import Device
from gpu_runner.devices.locks import DeviceBusy
from gpu_runner.judgement import training_of
from gpu_runner.ports import Began, Ended, Event, Failed, Judge, Judged, Point, Queue, ReadJob, Tell, Waiting
from gpu_runner.session import Session, TimedTask, secret_seeds
from grader.errors import InfrastructureError
from grader.model import CurvePoint, Job, TrainingRun
from grader.sandbox import Sandbox

# Between two looks at a device that somebody else holds.
WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be worked off."""

    task: TimedTask
    pool: Pool
    sandbox: Callable[[], Sandbox]
    among: Collection[int]  # numbers of the jobs
    read: ReadJob
    judge: Judge


def work_off(
    work: Work, devices: Sequence[Device], queue: Queue, receive: Tell, *, wait: bool = True
) -> None:
    """Work off the jobs on all these devices at once; returns when none is queued any more.

    :param receive: called in the caller's thread with everything that happens. Whatever it raises stops the work.
    :param wait: whether to wait for devices that somebody else holds.
    Raises TaskError where the reference fails. An interruption ends all processes before it is passed on; runs that
    were under way are lost, their jobs stay queued.
    """
    events: queues.SimpleQueue[Event | BaseException | None] = queues.SimpleQueue()
    stop = threading.Event()
    workers = [Worker(work, device, queue, events, stop, wait) for device in devices]
    running = len(workers)
    try:
        for worker in workers:
            worker.start()
        while running:
            event = events.get()
            if event is None:
                running -= 1
            elif isinstance(event, BaseException):
                raise event
            else:
                receive(event)
    finally:
        stop.set()
        for worker in workers:
            worker.abandon()
        for worker in workers:
            if worker.ident is not None:  # it has been started
                worker.join()


class Worker(threading.Thread):
    """Holds one device and one session at a time."""

    def __init__(
        self,
        work: Work,
        device: Device,
        queue: Queue,
        events: queues.SimpleQueue[Event | BaseException | None],
        stop: threading.Event,
        wait: bool,
    ) -> None:
        super().__init__(name=f"timed worker on {device.name}")
        self._work = work
        self._device = device
        self._queue = queue
        self._events = events
        self._stop_asked = stop
        self._wait = wait
        self._session: Session | None = None
        self._failed: set[int] = set()  # jobs that this worker could not run
        self._told_waiting = False

    def abandon(self) -> None:
        """End the worker's processes from another thread; a run in progress then fails and the worker stops."""
        session = self._session
        if session is not None:
            session.kill()

    def run(self) -> None:
        try:
            with self._device.lock(wait=self._may_wait):
                self._take_over()
                self._serve()
        except DeviceBusy as busy:
            self._events.put(Waiting(self._device.name, str(busy)))
        except InfrastructureError as error:
            if not self._stop_asked.is_set():
                self._events.put(Failed(self._device.name, error))
        except BaseException as error:  # a defect of ours must reach the caller, not end a thread in silence
            if not self._stop_asked.is_set():
                self._events.put(error)
        finally:
            self._events.put(None)

    def _may_wait(self) -> bool:
        if not self._wait or self._stop_asked.is_set():
            return False
        if not self._told_waiting:
            self._told_waiting = True
            self._events.put(Waiting(self._device.name, f"{self._device.name} is in use; waiting for it"))
        return not self._stop_asked.wait(WAIT_SECONDS)

    def _take_over(self) -> None:
        """What a runner that was killed on this device has left: the lock is ours, so nobody works on it."""
        self._queue.take_back(self._device.name)
        for session in self._queue.unfinished_sessions(self._device.name):
            self._end(session, None)

    def _end(self, session: int, seeds: Sequence[int] | None) -> None:
        """End a session. What has no verdict yet keeps its runs and gets one in the next, on the same device."""
        for job in self._queue.trained_jobs(session):
            self._queue.requeue(job.id)
        self._queue.close_session(session, seeds)

    def _serve(self) -> None:
        task, device = self._work.task, self._device
        seeds = secret_seeds(task.timed.max_seeds)
        number = self._queue.open_session(task.name, device.name, task.small, {"model": device.model})
        try:
            with Session(task, self._work.pool, device, self._work.sandbox(), seeds) as session:
                self._session = session
                if self._stop_asked.is_set():  # abandon() came before there was a session
                    session.kill()
                self._reference(session, number)
                since = 0
                while not self._stop_asked.is_set():
                    claimed = self._claim(number)
                    if claimed is None:
                        break
                    since += self._train(session, number, claimed)
                    if since >= task.timed.reference_every:
                        self._reference(session, number)
                        since = 0
                if since and not self._stop_asked.is_set():
                    self._reference(session, number)
        finally:
            self._session = None
            self._end(number, seeds)

    def _claim(self, session: int) -> Job | None:
        task = self._work.task
        among = [number for number in self._work.among if number not in self._failed]
        return self._queue.take(task.name, task.small, self._device.name, session, among)

    def _reference(self, session: Session, number: int) -> None:
        """Run the reference, and judge what has waited for it."""
        self._events.put(Began(self._device.name, "", len(session.references) + 1))
        run = session.run_reference(self._point)
        self._queue.add_run(None, number, run)
        self._events.put(Ended(self._device.name, "", run))
        self._judge(number, session.references)

    def _judge(self, session: int, references: Sequence[TrainingRun]) -> None:
        task = self._work.task
        for job in self._queue.trained_jobs(session):
            try:
                training = training_of(task.timed, job.runs, references, self._device.name, small=task.small)
            except InfrastructureError as error:
                self._queue.requeue(job.id)
                self._failed.add(job.id)
                self._events.put(Failed(self._device.name, error, job))
                continue
            self._work.judge(job, training)
            self._events.put(Judged(job, training))

    def _train(self, session: Session, number: int, job: Job) -> bool:
        """Run a submission; whether its verdict can be given."""
        with self._given_back(job):
            files = self._work.read(job)
            if files is None:
                raise InfrastructureError(
                    "the submission has changed since it was queued", where=f"{job.student}/{job.assignment}",
                    remedy="run the command again",
                )  # fmt: skip
            begun = len(job.runs)

            def record(run: TrainingRun) -> None:
                nonlocal begun
                if self._stop_asked.is_set():
                    raise InfrastructureError("interrupted")  # the run was ended by us
                self._queue.add_run(job.id, number, run)
                begun += 1
                self._events.put(Ended(self._device.name, job.student, run))

            self._events.put(Began(self._device.name, job.student, begun + 1))
            session.run_submission(files, job.runs, record, self._point)
            self._queue.trained(job.id)
            return True
        return False

    def _point(self, point: CurvePoint) -> None:
        self._events.put(Point(self._device.name, point))

    @contextlib.contextmanager
    def _given_back(self, job: Job) -> Iterator[None]:
        """Whatever fails that is not the submission's doing: the job stays in the queue, and the others go on."""
        try:
            yield
        except InfrastructureError as error:
            self._queue.requeue(job.id)
            self._failed.add(job.id)
            if self._stop_asked.is_set():
                return
            self._events.put(Failed(self._device.name, error, job))
        except BaseException:
            self._queue.requeue(job.id)
            raise
