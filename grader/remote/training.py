"""A submission that trains: calls whose time is taken, and a model that never leaves the guest."""

from __future__ import annotations

import time
from typing import Any

from grader.remote.loaded import Loaded
from grader.remote.session import RemoteSession
from grader.sandbox import GuestKilled, GuestTimeout
from grader.wall.values import Encoder


class TrainingSession(RemoteSession):
    """A session whose calls cost the guest as little beside the student's own work as can be.

    Its guest is never replaced: what was trained in it would be lost, and who watches or ends it knows no other.
    """

    max_callbacks = 200_000  # `log` after each of 40 epochs of 1,000 steps is more than asked for, and no crime
    deadline: float | None = None  # of time.monotonic(): when calls are ended, whatever a single one may take

    def _ready(self) -> Loaded:
        if self.generation and (self._guest is None or not self._guest.alive()):
            condemned = self._guest.condemned if self._guest is not None else None
            self.fault = self.fault or condemned or GuestKilled("The submission's process ended between two calls.")
            self.close()
            raise self.fault
        return super()._ready()

    def accepts(self, name: str, keyword: str) -> bool:
        """Whether the submission's function can be called with this keyword; its own claim.

        Raises MissingName where there is no such function, GuestFault where the guest is lost.
        """
        return self.service("accepts_keyword", getattr(self.submission, name), (keyword,)) is True

    def run(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, keep: bool) -> Any:
        """Call a module-level function; arguments that it changes stay changed in the guest alone.

        :param kwargs: a function under ``log`` is given numbers (epoch, loss, accuracy; None for what is none).
        :param keep: leave the result in the guest, whatever it is, and return a handle.
        Raises what a call through :attr:`submission` raises.
        """
        self._ready()
        encoder = Encoder(self._node)
        message = {"op": "run", "name": name, "keep": keep}
        message |= {"args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs)}
        reply, buffers = self._reply(message, encoder.buffers, name)
        return self._value(reply, buffers)

    def _receive(self, buffers: int, frame: int) -> None:
        """A run's log is given numbers alone, and runs on several devices share this process."""

    def _exchange(
        self, message: dict[str, Any], buffers: list[Any], cpu_seconds: float, wall_seconds: float
    ) -> tuple[dict[str, Any], list[bytearray]]:
        if self.deadline is not None:
            wall_seconds = min(wall_seconds, self.deadline - time.monotonic())
            if wall_seconds <= 0:
                self.fault = GuestTimeout("The time was up before it began.")
                self.close()
                raise self.fault
        return super()._exchange(message, buffers, cpu_seconds, wall_seconds)
