"""The engine of this machine: one worker, a thread, per device; each works off the queue until nothing is left."""

from __future__ import annotations

import queue as queues
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from gpu_runner.datasets import Pool
from gpu_runner.devices.base import Device
from gpu_runner.devices.locks import DeviceBusy
from gpu_runner.ledger import Ledger, read_queued, take_over
from gpu_runner.ports import Event, Failed, Judge, Point, Queue, ReadJob, Tell, Waiting
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
                take_over(self._queue, self._device.name)
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

    def _serve(self) -> None:
        work, device = self._work, self._device
        seeds = secret_seeds(work.task.timed.max_seeds)
        ledger = Ledger(
            work.task, self._queue, work.judge, self._events.put, device.name, device.model, seeds, self._failed
        )
        try:
            with Session(work.task, work.pool, device, work.sandbox(), seeds) as session:
                self._session = session
                if self._stop_asked.is_set():  # abandon() came before there was a session
                    session.kill()
                while not self._stop_asked.is_set():
                    job = ledger.claim(work.among)
                    if job is None:
                        break
                    self._train(session, ledger, job)
                    if ledger.reference_due:
                        self._reference(session, ledger)
                if ledger.waiting and not self._stop_asked.is_set():
                    self._reference(session, ledger)
        finally:
            self._session = None
            ledger.close()

    def _reference(self, session: Session, ledger: Ledger) -> None:
        ledger.begin_reference()
        ledger.add_reference(session.run_reference(self._point, set_aside=ledger.set_aside))

    def _train(self, session: Session, ledger: Ledger, job: Job) -> None:
        """Run a submission. Whatever fails that is not its doing: it stays in the queue, and the others go on.

        Before the first one the reference runs, and not earlier: there may be nothing left to judge by it.
        """
        if not ledger.references:
            try:
                self._reference(session, ledger)
            except BaseException:
                ledger.give_back(job)
                raise

        def record(run: TrainingRun) -> None:
            if self._stop_asked.is_set():
                raise InfrastructureError("interrupted")  # the run was ended by us
            ledger.add_run(job, run)

        try:
            files = read_queued(self._work.read, job)
            ledger.begin(job)
            session.run_submission(files, ledger.before(job), record, self._point)
            ledger.trained(job)
        except InfrastructureError as error:
            ledger.give_back(job, None if self._stop_asked.is_set() else error)
        except BaseException:
            ledger.give_back(job)
            raise

    def _point(self, point: CurvePoint) -> None:
        self._events.put(Point(self._device.name, point))
