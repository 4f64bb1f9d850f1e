"""What every sandbox backend offers, and what can happen to a guest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grader.model import Environment, Limits

Frame = tuple[dict[str, Any], list[bytearray]]


class GuestFault(Exception):
    """The guest is lost, by its own doing; the next request needs a fresh one. ``str()`` is for the student.

    :param where: the student's frames that were being run, as the guest told them; an untrusted list, or None.
    """

    def __init__(self, what: str, where: Any = None) -> None:
        super().__init__(what)
        self.where = where


class GuestTimeout(GuestFault):
    """A call used up its CPU or wall seconds."""


class GuestMemory(GuestFault):
    """The guest's processes took more memory than the limit."""


class GuestKilled(GuestFault):
    """The guest's process ended (exit, crash, signal) or sent bytes that are no answer."""


@dataclass(frozen=True, slots=True)
class DeviceAccess:
    """What a box gets beyond the ordinary one, so that its guests can use a device."""

    nodes: tuple[str, ...] = ()  # device files: /dev/nvidia0 …
    folders: tuple[str, ...] = ()  # read-only: the driver's libraries and what it reads under /sys
    variables: tuple[tuple[str, str], ...] = ()  # of the environment: CUDA_VISIBLE_DEVICES …
    cores: tuple[int, ...] = ()  # the CPU cores to stay on; empty: all
    driver: bool = False  # a GPU's driver: may reserve address space without end, read /proc, listen on a local socket


NO_DEVICE = DeviceAccess()


class Guest(Protocol):
    """One forked child that holds one submission."""

    pid: int  # of its first process, as this process sees it
    interrupted: bool  # whether the last exchange had to interrupt it
    condemned: GuestFault | None  # why :meth:`condemn` has ended it

    def exchange(
        self,
        message: dict[str, Any],
        buffers: list[Any],
        *,
        cpu_seconds: float,
        wall_seconds: float,
        interrupt_after: float | None = None,
    ) -> Frame:
        """Send a request and return the next frame that the guest sends.

        :param interrupt_after: wall seconds after which all its processes get SIGINT; None: never.
        Raises GuestFault where the guest is lost, InfrastructureError where the sandbox itself is.
        """

    @property
    def received_bytes(self) -> int:
        """Bytes of all frames that it has sent so far."""

    def alive(self) -> bool:
        """Whether its process has not ended."""

    def take_output(self) -> str:
        """What was printed since the last time, bounded over the guest's whole life; raw text, not yet cleaned."""

    def cpu_seconds(self) -> float:
        """CPU seconds that this guest has used so far."""

    def condemn(self, fault: GuestFault) -> None:
        """End the guest from another thread; the exchange under way, or the next one, raises ``fault``."""

    def close(self) -> None:
        """End the guest and all its processes; safe to call twice."""


class Zygote(Protocol):
    """A warm process that forks guests."""

    versions: dict[str, str]  # of Python and of the frameworks that are warm

    def await_ready(self) -> None:
        """Wait until it is warm, where :meth:`Sandbox.start` did not. Raises SandboxUnavailable."""

    def spawn(self, shared: Sequence[int] = ()) -> Guest:
        """A fresh guest: the prepared one, or one that is forked now. Raises InfrastructureError.

        :param shared: descriptors of memory that the guest gets as well (grader/sandbox/shared.py); a prepared guest
            would have none, so with them one is always forked now.
        """

    def prepare(self) -> None:
        """Fork the guest that the next :meth:`spawn` gives, so that it isolates itself ahead of time.

        It has seen no submission and waits for its first request. Raises InfrastructureError.
        """

    def disown(self) -> None:
        """Let go of the prepared guest without ending it: this process has forked, and the child will spawn it."""

    def clone(self) -> Zygote:
        """Another zygote, forked from this one: warm at once, and in its memory. It ends with this one at the latest.

        Raises InfrastructureError.
        """

    def close(self) -> None: ...


class Sandbox(Protocol):
    """A backend."""

    name: str
    guarantees: frozenset[str]  # of GUARANTEES below

    def start(
        self,
        environment: Environment,
        limits: Limits,
        preload: tuple[str, ...] = (),
        device: DeviceAccess = NO_DEVICE,
        *,
        wait: bool = True,
    ) -> Zygote:
        """Start a zygote.

        :param preload: modules to import before the first fork, beside the environment's own.
        :param device: what the guests may use besides.
        :param wait: until it is warm; otherwise the caller has something else to do and calls ``await_ready`` then.
        Raises SandboxUnavailable.
        """


# What a backend may guarantee; the conformance suite tests each that a backend declares.
GUARANTEES = frozenset(
    {
        "no network",
        "read-only system",
        "private files",
        "limited disk",
        "clean environment",
        "no capabilities",
        "seccomp",
        "own pid namespace",
        "limited processes",
        "limited cpu",
        "limited wall time",
        "limited memory",
        "limited output",
        "nothing survives",
    }
)
