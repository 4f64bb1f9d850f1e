"""A crew whose workers are objects of this process, and end where a script says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.cluster import WorkerLost


@dataclass(eq=False)
class FakeWorker:
    number: int  # of its start, from 0
    actor: Any
    state: str = "alive"  # alive, lost, dismissed or released


@dataclass(eq=False)
class FakeTicket:
    worker: FakeWorker
    arguments: tuple[Any, ...] | None  # None: it starts


@dataclass(eq=False)
class FakeCrew:
    """Every answer is there as soon as it is waited for."""

    make: Callable[[], Any]  # makes an actor: run(*arguments) and close()
    lose: Callable[[FakeTicket], bool] = lambda _ticket: False  # whether the ticket's worker is lost over it
    capacity: int | None = None  # as many workers come up, and no more; None: all
    starts_first: bool = False  # workers become ready before answers come; otherwise seat by seat
    workers: list[FakeWorker] = field(default_factory=list)

    def start(self) -> tuple[FakeWorker, FakeTicket]:
        worker = FakeWorker(len(self.workers), self.make())
        self.workers.append(worker)
        return worker, FakeTicket(worker, None)

    def send(self, worker: FakeWorker, arguments: tuple[Any, ...]) -> FakeTicket:
        assert worker.state == "alive"
        return FakeTicket(worker, arguments)

    def wait(self, tickets: Sequence[FakeTicket], _seconds: float) -> FakeTicket | None:
        assert tickets
        limit = len(self.workers) if self.capacity is None else self.capacity
        there = [ticket for ticket in tickets if ticket.worker.number < limit]
        if self.starts_first:
            there.sort(key=lambda ticket: ticket.arguments is not None)
        return there[0] if there else None

    def fetch(self, ticket: FakeTicket) -> Any:
        if self.lose(ticket):
            ticket.worker.state = "lost"
            raise WorkerLost("the machine was switched off")
        return None if ticket.arguments is None else ticket.worker.actor.run(*ticket.arguments)

    def dismiss(self, worker: FakeWorker) -> None:
        if worker.state == "alive":
            worker.state = "dismissed"

    def release(self, workers: Sequence[FakeWorker]) -> None:
        for worker in workers:
            assert worker.state == "alive"
            worker.actor.close()
            worker.state = "released"
