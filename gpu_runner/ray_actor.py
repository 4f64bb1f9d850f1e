"""What runs timed tasks on a machine of a Ray cluster: holds a device there, and runs what the driver orders.

The driver knows the queue, the jobs and the secret seeds; here is one session at a time, and nothing is written. Every
run is an order of its own, so that the driver can store it before the next one begins.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gpu_runner.catalogue import CATALOGUE
from gpu_runner.datasets import Pool, Presence, content_key, data_folder, load_pool, look
from gpu_runner.devices import Device, DeviceBusy, find_devices
from gpu_runner.devices.locks import device_lock
from gpu_runner.session import Session, TimedTask
from grader.cluster import import_ray
from grader.errors import ConfigError, InfrastructureError, TaskError
from grader.model import SubmissionFiles, TrainingRun
from grader.sandbox import Sandbox

# Whose versions change accuracies or times; a submission may import any of them.
PACKAGES = ("dl-course-grader", "numpy", "torch", "tensorflow", "keras", "scikit-learn")
# How long an actor looks for a free device before it says so; meanwhile the driver cannot tell it that all is done.
BUSY_SECONDS = 2.0
PAUSE_SECONDS = 0.05  # between two looks at a device that somebody else holds

# The devices of a node: called there with the kind, so it has to be importable.
FindDevices = Callable[[str], Sequence[Device]]


class Held(Protocol):
    """Images and labels that lie where every node can get them."""

    def get(self) -> Pool:
        """The pool; InfrastructureError where it cannot be got."""


@dataclass(frozen=True, slots=True)
class RayHeld:
    """A pool in the cluster's object store; only nodes that ask for it are sent it."""

    reference: Any  # ray.ObjectRef

    @classmethod
    def put(cls, pool: Pool) -> RayHeld:
        """Put a pool there; InfrastructureError where there is no room."""
        ray = import_ray()
        try:
            return cls(ray.put(pool))
        except ray.exceptions.RayError as error:
            raise InfrastructureError(
                f"the data set does not fit into the cluster's object store: {error}",
                remedy="start the cluster's head with more: ray start --object-store-memory BYTES",
            ) from error

    def get(self) -> Pool:
        ray = import_ray()
        try:
            pool: Pool = ray.get(self.reference)
        except ray.exceptions.RayError as error:
            raise InfrastructureError(
                f"the data set has not reached {platform.node()}: {error}", remedy="see what ray status says of memory"
            ) from error
        return pool


@dataclass(frozen=True, slots=True)
class PoolSource:
    """Where a node gets the data set from."""

    dataset: str
    key: str  # the content key of the driver's; empty where its files have no checksums
    held: Held

    def load(self) -> Pool:
        """From this node's own files where they are the same (mapped from its cache), else from the driver."""
        dataset = CATALOGUE.get(self.dataset)
        if dataset is not None and self.key and content_key(dataset) == self.key:
            with contextlib.suppress(ConfigError):  # altered, or nowhere to look: the driver's will do
                folder = data_folder(None)
                if look(dataset, folder).presence is Presence.PRESENT:
                    return load_pool(self.dataset, folder)
        return self.held.get()


@dataclass(frozen=True, slots=True)
class Open:
    """The order to begin a session; the one before ends."""

    task: TimedTask
    pool: PoolSource
    sandbox: Callable[[], Sandbox]
    kind: str  # of device
    share: float  # of a device, that this actor may use
    find: FindDevices
    seeds: tuple[int, ...]
    versions: Mapping[str, str]  # those of the driver


@dataclass(frozen=True, slots=True)
class Reference:
    """The order to run the reference."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The order to run a submission once more."""

    files: SubmissionFiles
    before: tuple[TrainingRun, ...]  # see Session.run_next
    own: tuple[TrainingRun, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """The answer to :class:`Open`: the device is locked until the actor ends."""

    device: str
    model: str
    host: str


@dataclass(frozen=True, slots=True)
class Busy:
    """The other answer to :class:`Open`: others hold all devices of this node."""

    why: str


Order = Open | Reference | Submission
# None: the submission needs no further run. Errors are answers, because what an actor raises ends the pool.
Answer = Opened | Busy | TrainingRun | InfrastructureError | TaskError | None


class TrainingActor:
    """Holds one device, or a share of one, from its first session to its end."""

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()
        self._device: Device | None = None
        self._name = ""
        self._shared = False
        self._pool: Pool | None = None
        self._session: Session | None = None

    def ready(self) -> None:
        """Answers when the actor's process has started."""

    def run(self, order: Order) -> Answer:
        """Do what is ordered."""
        try:
            if isinstance(order, Open):
                return self._open(order)
            assert self._session is not None
            with self._turn():
                if isinstance(order, Reference):
                    return self._session.run_reference()
                return self._session.run_next(order.files, order.before, order.own)
        except DeviceBusy as busy:
            return Busy(f"{busy.what}, on the machine {platform.node()}")
        except (InfrastructureError, TaskError) as error:
            error.add_note(f"on the machine {platform.node()}")
            return error

    def close(self) -> None:
        """End the processes and let go of the device."""
        if self._session is not None:
            self._session.close()
            self._session = None
        self._held.close()

    def _open(self, order: Open) -> Opened:
        here = versions()
        other = [f"{name} {here[name] or 'none'}" for name in here if here[name] != order.versions.get(name, "")]
        if other:
            raise InfrastructureError(
                f"{platform.node()} has other versions than the machine that grades: {', '.join(other)}",
                remedy="install the same versions on all machines of the cluster: equal work gets equal marks",
            )
        if self._session is not None:
            self._session.close()
            self._session = None
        if self._device is None:
            self._take_device(order)
        assert self._device is not None
        if self._pool is None:
            self._pool = order.pool.load()
        self._session = Session(order.task, self._pool, self._device, order.sandbox(), order.seeds)
        return Opened(self._name, self._device.model, platform.node())

    def _take_device(self, order: Open) -> None:
        """Lock the first device, or share of one, that is free; DeviceBusy where none becomes free in time."""
        # A share is of a GPU. What an actor shares of a CPU core is nothing: it claims a whole one.
        shares = int(1 / order.share + 1e-9) if order.kind == "cuda" else 1
        devices = order.find(order.kind)
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            for device in devices:
                for number in range(1, shares + 1):
                    try:
                        self._lock(device, number, shares)
                    except DeviceBusy as error:
                        busy = error
                    else:
                        return
            if time.monotonic() >= deadline:
                raise busy
            time.sleep(PAUSE_SECONDS)

    def _lock(self, device: Device, number: int, shares: int) -> None:
        name = device.name
        if shares == 1:
            self._held.enter_context(device.lock(wait=lambda: False))
        else:
            name = f"{device.name}, share {number} of {shares}"
            self._held.enter_context(device_lock(name, lambda: False))
        self._device, self._name, self._shared = device, name, shares > 1

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold a shared device for one run.

        Two runs that compute at one time on a GPU would slow each other down by amounts that no reference shows. So
        those that share it take turns, and what they gain is that one draws, loads and is judged while another runs.
        """
        if not self._shared:
            yield
            return
        assert self._device is not None
        with self._device.lock(wait=_pause):
            yield


def devices_of_node(kind: str) -> Sequence[Device]:
    """All devices of this kind that this process may use; of GPUs those that Ray has given it."""
    return find_devices(kind, os.cpu_count())


def versions() -> dict[str, str]:
    """What must be the same on all machines: Python and what submissions may compute with; empty: not installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def _pause() -> bool:
    time.sleep(PAUSE_SECONDS)
    return True
