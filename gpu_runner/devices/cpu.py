"""A CPU core as a device."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

from gpu_runner.devices.base import COST, Observed
from gpu_runner.devices.locks import device_lock
from gpu_runner.devices.runqueue import RunQueue
from gpu_runner.devices.sampling import Sampler
from grader.sandbox import DeviceAccess


class CpuDevice:
    """Cores of this machine, most often one; implements :class:`~gpu_runner.devices.base.Device`.

    :param index: its number among the devices.
    :param cores: the numbers that the kernel gives them; what is locked.
    """

    kind = "cpu"

    def __init__(self, index: int, cores: tuple[int, ...]) -> None:
        self.name = f"cpu-{index}"
        count = len(cores)
        self.model = f"{processor_model()}, {count} thread{'s' * (count != 1)}"
        self.cores = cores

    @property
    def access(self) -> DeviceAccess:
        return DeviceAccess(cores=self.cores)

    @contextlib.contextmanager
    def lock(self, *, wait: Callable[[], bool]) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            for core in sorted(self.cores):  # in one order everywhere, so that no two wait for each other
                held.enter_context(device_lock(f"cpu-{core}", wait))
            yield

    def watch(self, pid: int, gpu_memory_mb: int, condemn: Callable[[str], None]) -> CpuWitness:
        return CpuWitness(pid, self.cores)

    def leftovers(self) -> str:
        return ""  # a guest's processes end with it, and a core remembers nothing


class CpuWitness:
    """Watches how long the guest's threads waited for a core; implements :class:`~gpu_runner.devices.base.Witness`."""

    def __init__(self, pid: int, cores: tuple[int, ...]) -> None:
        self._queue = RunQueue(pid, cores)
        self._sampler = Sampler(self._queue.look)

    def stop(self) -> Observed:
        self._sampler.stop()
        cost = {COST: round(self._queue.cost_seconds(), 3)}
        return Observed(self._queue.disturbed(), {**machine(), **self._queue.conditions(), **cost})


def machine() -> dict[str, str]:
    """What a run's record says of the machine."""
    return {"kernel": platform.release(), "python": platform.python_version()}


def processor_model() -> str:
    """The processor's name as the kernel tells it; the architecture's where it has none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _colon, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return " ".join(value.split())
    return platform.machine()
