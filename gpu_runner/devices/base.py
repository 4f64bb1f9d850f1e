"""What a device is to the runner: something to lock, to hand to a guest, and to watch while the guest computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from grader.sandbox import DeviceAccess

# In a run's conditions, where it can be told: at most so many of its seconds are owed to a disturbance.
COST = "disturbance_seconds"
# In a run's conditions: the seconds of its own that it was given; the clock ran longer where a neighbour took some.
GIVEN = "given_seconds"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a :class:`Witness` has seen during one run."""

    disturbed: str = ""  # what else kept the device from the submission's work, one sentence; empty: nothing
    conditions: Mapping[str, Any] = field(default_factory=dict)  # JSON values: clocks, temperature, versions …


class Witness(Protocol):
    """Watches the device during one run, in a thread of its own where it must sample."""

    def stop(self) -> Observed:
        """End the watch; what was seen. Called once."""


class Device(Protocol):
    """One CPU core or one GPU of this machine."""

    name: str  # "cpu-0", or a GPU's model and number: "NVIDIA H200 0"
    kind: str  # what ``train`` gets as its device: "cpu" or "cuda"
    model: str  # what times may be compared across: the processor's or the GPU's model

    @property
    def access(self) -> DeviceAccess:
        """What the sandbox lets a guest see of it."""

    def lock(self, *, wait: Callable[[], bool]) -> AbstractContextManager[None]:
        """Hold the device against every other run on this machine, of whatever process or user.

        :param wait: called again and again while somebody else holds it; returns False to give up.
        Raises DeviceBusy where it gave up, InfrastructureError where the lock's file cannot be used.
        """

    def watch(self, pid: int, gpu_memory_mb: int, condemn: Callable[[str], None]) -> Witness:
        """Begin to watch a run.

        :param pid: the guest's first process, in this process's pid namespace.
        :param gpu_memory_mb: MiB of device memory that the guest's processes may hold together.
        :param condemn: ends the guest for taking more than that, with words for the student.
        """

    def leftovers(self) -> str:
        """What still computes or holds memory on an idle device, one sentence; empty: nothing."""
