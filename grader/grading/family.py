"""The examiners of one assignment: one that was started, and a clone of it for each further worker.

A start takes seconds and hundreds of megabytes; a clone takes a fork of two warm processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from grader.errors import TaskError
from grader.grading.examiner_client import Examiner, ExaminerClient


class ExaminerFamily:
    """Shared by the workers of one assignment; safe to use from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._first: ExaminerClient | None = None
        self._invalid: TaskError | None = None
        self._clones: dict[Examiner, ExaminerClient] = {}  # living clone -> what it was forked from

    def join(self, start: Callable[[], ExaminerClient]) -> Examiner:
        """An examiner of one's own: a clone, or where there is nothing to clone, one that is started now.

        Whoever comes meanwhile waits for it. Raises what ``start`` raises, or ExaminerLost.
        """
        with self._changed:
            if self._invalid is not None:
                raise self._invalid
            if self._first is None or not self._first.alive:
                self._first = None
                try:
                    self._first = start()
                except TaskError as error:  # it would not be otherwise for the next worker
                    self._invalid = error
                    raise
                return self._first
            clone = self._first.clone()
            self._clones[clone] = self._first
            return clone

    def leave(self, examiner: Examiner) -> None:
        """End an examiner; one that has clones only when these have ended, and nobody clones it any more."""
        with self._changed:
            if examiner in self._clones:
                examiner.close()
                del self._clones[examiner]
                self._changed.notify_all()
                return
            if self._first is examiner:
                self._first = None
            # It must end in the thread that has started it: the kernel ends it together with this thread.
            self._changed.wait_for(lambda: examiner not in self._clones.values())
        examiner.close()
