"""A thread that looks at a device, again and again, while a run is under way."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

# Ten looks a second cost the watched process nothing and see whatever matters to a run of seconds.
INTERVAL_SECONDS = 0.1


class Sampler:
    """Calls ``look`` at once and then about every ``INTERVAL_SECONDS``, until it is stopped.

    The first call is made by the caller's thread, so that what the watch begins with is known when this returns. The
    pauses are drawn between half and one and a half intervals, so that nobody can act in step with them.
    """

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._end = threading.Event()
        self._failure: BaseException | None = None
        look()
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look one last time and end the thread; raises what a look has raised."""
        self._end.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        self._look()

    def _run(self) -> None:
        pauses = random.Random()
        while not self._end.wait(INTERVAL_SECONDS * pauses.uniform(0.5, 1.5)):
            try:
                self._look()
            except BaseException as failure:
                self._failure = failure  # for the thread that stops this one
                return
