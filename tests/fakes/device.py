"""A device that does what a test tells it to, and a tiny timed task to run on it."""

from __future__ import annotations

import contextlib
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gpu_runner.datasets import Pool
from gpu_runner.devices.base import Observed
from gpu_runner.devices.locks import DeviceBusy
from gpu_runner.session import TimedTask
from grader.model import Environment, Limits, SubmissionFiles, Timed
from grader.sandbox import DeviceAccess, Guest, Zygote, open_sandbox

CLASSES = 4

# Learns the mean image of each class; on the pool below it makes no mistake.
CENTROIDS = """
import numpy as np

def train(images, labels, *, seed, device):
    return np.stack([images[labels == label].mean(axis=0) for label in range(labels.max() + 1)])

def predict(model, images):
    distances = ((images[:, None].astype(float) - model[None]) ** 2).sum(axis=(2, 3))
    return distances.argmin(axis=1)
"""

LIMITS = Limits(
    load_cpu_seconds=10.0,
    load_wall_seconds=20.0,
    memory_mb=250,
    processes=24,
    open_files=64,
    file_mb=4,
    disk_mb=8,
    output_kb=16,
)

TIMED = Timed(
    dataset="stripes",
    train_images=80,
    hidden_images=40,
    full=0.9,
    accuracy_points=5.0,
    time_points=3.0,
    multiple=3.0,
    floor_seconds=2.0,
    seeds=3,
    max_seeds=5,
    hard_stop=2.0,
    noise=3,
)


def stripes(count: int = 160, seed: int = 0) -> Pool:
    """Noisy 4×4 images, each with one bright row: its number is the class."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % CLASSES).astype(np.int64)
    images = rng.integers(0, 60, (count, 4, 4), np.uint8)
    images[np.arange(count), labels] += 150
    images.flags.writeable = labels.flags.writeable = False
    return Pool(images, labels, CLASSES)


def handed_in(source: str, name: str = "work", **helpers: str) -> SubmissionFiles:
    """A submission of one file, with helper modules beside it."""
    files = {f"{key}.py": textwrap.dedent(text).encode() for key, text in {name: source, **helpers}.items()}
    return SubmissionFiles(name, f"{name}.py", files)


def task(timed: Timed = TIMED, reference: str = CENTROIDS, limits: Limits = LIMITS) -> TimedTask:
    return TimedTask("stripes", timed, limits, handed_in(reference), where="solutions/stripes/assignment.toml")


@dataclass
class FakeDevice:
    """Implements :class:`gpu_runner.devices.base.Device`; what it shall do is in its fields."""

    name: str = "fake-0"
    kind: str = "cpu"
    model: str = "Fake, 1 thread"
    access: DeviceAccess = field(default_factory=DeviceAccess)
    disturbed: list[str] = field(default_factory=list)  # of the next runs, one each; then none is
    left: list[str] = field(default_factory=list)  # after the next runs, one each; then nothing is
    busy: int = 0  # looks for which somebody else holds it
    greedy: bool = False  # the next run takes more device memory than it may
    held: bool = False
    watched: list[tuple[int, int]] = field(default_factory=list)  # pid and gpu_memory_mb of each run
    alone: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def lock(self, *, wait: Callable[[], bool]) -> Iterator[None]:
        while self.busy:
            if not wait():
                raise DeviceBusy(f"device {self.name} is in use by somebody", remedy="wait")
            self.busy -= 1
        assert self.alone.acquire(blocking=False), "two workers on one device"
        self.held = True
        try:
            yield
        finally:
            self.held = False
            self.alone.release()

    def watch(self, pid: int, gpu_memory_mb: int, condemn: Callable[[str], None]) -> FakeWitness:
        self.watched.append((pid, gpu_memory_mb))
        if self.greedy:
            self.greedy = False
            condemn("The submission took more GPU memory than it may.")
        return FakeWitness(self.disturbed.pop(0) if self.disturbed else "")

    def leftovers(self) -> str:
        return self.left.pop(0) if self.left else ""


@dataclass
class FakeWitness:
    """Implements :class:`gpu_runner.devices.base.Witness`."""

    saw: str
    stopped: bool = False

    def stop(self) -> Observed:
        assert not self.stopped
        self.stopped = True
        return Observed(self.saw, {"temperature": 40})


class OneBox:
    """The subprocess backend, whose warm processes outlive a session; counts how often one was asked for."""

    name = "subprocess"
    guarantees: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.started: dict[Any, Zygote] = {}
        self.asked = 0
        self.alone = threading.Lock()

    def start(self, environment: Environment, limits: Any, preload: Any = (), device: Any = None) -> Zygote:
        self.asked += 1
        with self.alone:
            if limits not in self.started:
                self.started[limits] = open_sandbox("subprocess").start(environment, limits)
        return _Lent(self.started[limits], self.alone)

    def end(self) -> None:
        """End the warm processes."""
        while self.started:
            self.started.popitem()[1].close()


class _Lent:
    """A zygote that whoever borrowed it cannot end."""

    def __init__(self, zygote: Zygote, alone: threading.Lock) -> None:
        self._zygote = zygote
        self._alone = alone

    def spawn(self, shared: Sequence[int] = ()) -> Guest:
        with self._alone:  # sessions of two devices, which have warm processes of their own in earnest
            return self._zygote.spawn(shared)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._zygote, name)

    def close(self) -> None:
        pass


def quick(**changes: object) -> Timed:
    """The task's rules, changed."""
    return replace(TIMED, **changes)  # type: ignore[arg-type]
