"""The limits of one call that comes back to the test."""

from __future__ import annotations

import time

from grader.sandbox import Guest, GuestTimeout

# While a call comes back to the test, its CPU seconds are added up this often.
CALLBACK_LOOK_SECONDS = 0.1


class CallbackClock:
    """The limits of one call over all the callbacks that it makes."""

    def __init__(self, guest: Guest, cpu_seconds: float, wall_seconds: float) -> None:
        self._guest = guest
        self._cpu_seconds = cpu_seconds
        self._wall_seconds = wall_seconds
        self._start = self._looked = time.monotonic()
        self._cpu_start: float | None = None

    def wall_seconds_left(self) -> float:
        """What is left; GuestTimeout where nothing is."""
        left = self._wall_seconds - (time.monotonic() - self._start)
        if left <= 0:
            raise GuestTimeout("The submission has kept the tests waiting for longer than it may.")
        return left

    def look(self) -> None:
        """At a callback: GuestTimeout where the CPU seconds are used up (those before the first callback aside)."""
        now = time.monotonic()
        if self._cpu_start is None:
            self._cpu_start = self._guest.cpu_seconds()
        elif now - self._looked > CALLBACK_LOOK_SECONDS:
            self._looked = now
            if self._guest.cpu_seconds() - self._cpu_start > self._cpu_seconds:
                raise GuestTimeout(f"No answer after {self._cpu_seconds:g} CPU seconds: an endless loop, or too slow.")
