"""A GPU as a device, seen from outside its guest through NVML."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from functools import cached_property

from gpu_runner.devices.base import Observed
from gpu_runner.devices.cpu import machine
from gpu_runner.devices.driver import access_to
from gpu_runner.devices.gpu_watch import SLACK_BYTES, GpuWatch, descriptions
from gpu_runner.devices.locks import DeviceBusy, device_lock
from gpu_runner.devices.nvml import Gpu, Nvml
from gpu_runner.devices.runqueue import RunQueue
from gpu_runner.devices.sampling import Sampler
from grader.errors import InfrastructureError
from grader.sandbox import DeviceAccess
from grader.sandbox.process import MIB, descendants

# A driver frees the memory of a killed process within a second or two; what is left after this long stays.
GRACE_SECONDS = 5.0
PAUSE_SECONDS = 0.05


class CudaDevice:
    """One GPU; implements :class:`~gpu_runner.devices.base.Device`.

    :param index: its number in NVML's order, that of the PCI bus.
    :param grace_seconds: how long what a guest held may take to vanish after its end.
    """

    kind = "cuda"

    def __init__(self, index: int, nvml: Nvml, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self.gpu: Gpu = nvml.gpus()[index]
        self.name = f"{self.gpu.model} {index}"
        self.model = self.gpu.model
        self._nvml = nvml
        self._grace_seconds = grace_seconds
        self._baseline: int | None = None

    @cached_property
    def access(self) -> DeviceAccess:
        return access_to(self.gpu)

    @contextlib.contextmanager
    def lock(self, *, wait: Callable[[], bool]) -> Iterator[None]:
        """See :class:`~gpu_runner.devices.base.Device`; nobody else computes on the GPU when this begins.

        Those who use it without this lock, from another container for instance, are told by NVML.
        """
        with device_lock(self.gpu.uuid, wait, self.name):
            while strangers := self._strangers():
                if not wait():
                    raise DeviceBusy(
                        f"device {self.name} is in use by {descriptions(strangers)}",
                        remedy="try again when that has ended, or choose another device",
                    )
            self._baseline = self._nvml.read(self.gpu.index).used_bytes
            try:
                yield
            finally:
                self._baseline = None

    def watch(self, pid: int, gpu_memory_mb: int, condemn: Callable[[str], None]) -> CudaWitness:
        if gpu_memory_mb > self.gpu.memory_mb:
            raise InfrastructureError(
                f"{self.name} has {self.gpu.memory_mb} MiB of memory; the task allows {gpu_memory_mb} MiB",
                remedy="choose a device with as much, or lower gpu_memory_mb of the task",
            )
        baseline = self._baseline if self._baseline is not None else self._nvml.read(self.gpu.index).used_bytes
        watch = GpuWatch(self._nvml, self.gpu, baseline, pid, gpu_memory_mb, condemn)
        return CudaWitness(watch, RunQueue(pid, ()))

    def leftovers(self) -> str:
        deadline = time.monotonic() + self._grace_seconds
        while True:
            left = self._left()
            if not left or time.monotonic() >= deadline:
                return left
            time.sleep(PAUSE_SECONDS)

    def _left(self) -> str:
        reading = self._nvml.read(self.gpu.index)
        if reading.processes:
            pids = [process.pid for process in reading.processes]
            return f"{descriptions(pids)} still computes on {self.name}"
        more = 0 if self._baseline is None else reading.used_bytes - self._baseline
        if more > SLACK_BYTES:
            return f"{more / MIB:.0f} MiB of memory of {self.name} are still held, by nobody that NVML knows"
        return ""

    def _strangers(self) -> list[int]:
        """Processes that compute on it and are none of this one's."""
        own = {os.getpid(), *descendants(os.getpid())}
        return [process.pid for process in self._nvml.read(self.gpu.index).processes if process.pid not in own]


class CudaWitness:
    """Watches the GPU and the CPU that launches its kernels; implements :class:`~gpu_runner.devices.base.Witness`."""

    def __init__(self, watch: GpuWatch, queue: RunQueue) -> None:
        self._watch = watch
        self._queue = queue
        self._sampler = Sampler(self._look)

    def stop(self) -> Observed:
        self._sampler.stop()
        disturbed = "; ".join(filter(None, [self._watch.disturbed(), self._queue.disturbed()]))
        return Observed(disturbed, {**machine(), **self._queue.conditions(), **self._watch.conditions()})

    def _look(self) -> None:
        self._watch.look()
        self._queue.look()
