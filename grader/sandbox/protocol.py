"""What every sandbox backend offers, and what can happen to a guest."""

from __future__ import annotations

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


class Guest(Protocol):
    """One forked child that holds one submission."""

    def exchange(
        self, message: dict[str, Any], buffers: list[Any], *, cpu_seconds: float, wall_seconds: float
    ) -> Frame:
        """Send a request and return the next frame that the guest sends.

        Raises GuestFault where the guest is lost, InfrastructureError where the sandbox itself is.
        """

    def alive(self) -> bool:
        """Whether its process has not ended."""

    def take_output(self) -> str:
        """What was printed since the last time, bounded over the guest's whole life; raw text, not yet cleaned."""

    def cpu_seconds(self) -> float:
        """CPU seconds that this guest has used so far."""

    def close(self) -> None:
        """End the guest and all its processes; safe to call twice."""


class Zygote(Protocol):
    """A warm process that forks guests."""

    versions: dict[str, str]  # of Python and of the frameworks that are warm

    def spawn(self) -> Guest:
        """A fresh guest: the prepared one, or one that is forked now. Raises InfrastructureError."""

    def prepare(self) -> None:
        """Fork the guest that the next :meth:`spawn` gives, so that it isolates itself ahead of time.

        It has seen no submission and waits for its first request. Raises InfrastructureError.
        """

    def disown(self) -> None:
        """Let go of the prepared guest without ending it: this process has forked, and the child will spawn it."""

    def close(self) -> None: ...


class Sandbox(Protocol):
    """A backend."""

    name: str
    guarantees: frozenset[str]  # of GUARANTEES below

    def start(self, environment: Environment, limits: Limits, preload: tuple[str, ...] = ()) -> Zygote:
        """Start a zygote.

        :param preload: modules to import before the first fork, beside the environment's own.
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
