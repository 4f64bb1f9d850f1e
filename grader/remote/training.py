"""A submission that trains: calls whose time is taken, and a model that never leaves the guest."""

from __future__ import annotations

from typing import Any

from grader.remote.session import RemoteSession
from grader.wall.values import Encoder


class TrainingSession(RemoteSession):
    """A session whose calls cost the guest as little beside the student's own work as can be."""

    max_callbacks = 200_000  # `log` after each of 40 epochs of 1,000 steps is more than asked for, and no crime

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
