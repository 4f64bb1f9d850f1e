"""Which worker grades which submission next: workers stay with an assignment, as changing it costs a warm start."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from grader.grading.intake import Submission

# A second worker joins an assignment only for at least so many submissions: its examiner is cloned from the first
# one's, which takes as long as one submission.
WORTH_JOINING = 4


class Schedule:
    """Hands out submissions; safe to use from several threads."""

    def __init__(self, submissions: Iterable[Submission]) -> None:
        self._lock = threading.Lock()
        self._queues: dict[str, deque[Submission]] = {}
        for submission in submissions:
            self._queues.setdefault(submission.assignment.name, deque()).append(submission)
        self._workers: dict[str, int] = dict.fromkeys(self._queues, 0)

    def take(self, current: str | None) -> Submission | None:
        """The next submission for a worker; ``None`` at the end.

        :param current: the assignment that the worker has warm processes of, if any.
        """
        with self._lock:
            if current is not None and self._queues.get(current):
                return self._queues[current].popleft()
            if current is not None:
                self._workers[current] -= 1
            waiting = [name for name, queue in self._queues.items() if queue]
            free = [name for name in waiting if self._workers[name] == 0]
            joinable = [name for name in waiting if len(self._queues[name]) >= WORTH_JOINING]
            choice = free or joinable
            if not choice:
                return None
            name = max(choice, key=lambda name: len(self._queues[name]))
            self._workers[name] += 1
            return self._queues[name].popleft()

    def give_back(self, submission: Submission) -> None:
        """Put what was taken but not graded in front again."""
        with self._lock:
            self._queues[submission.assignment.name].appendleft(submission)

    def leave(self, current: str) -> None:
        """A worker that had warm processes of this assignment has lost them."""
        with self._lock:
            self._workers[current] -= 1

    @property
    def most_workers(self) -> int:
        """How many workers can be of use at one time, as things stand."""
        with self._lock:
            return sum(max(1, len(queue) - WORTH_JOINING + 1) for queue in self._queues.values() if queue)

    def drop(self, assignment: str) -> list[Submission]:
        """Take all that is left of an assignment out of the schedule."""
        with self._lock:
            left = list(self._queues.get(assignment, ()))
            if left:
                self._queues[assignment].clear()
            return left
