"""A pool of workers that may be lost: who gets what next, who is replaced, and when the work is done.

One thread, and no knowledge of what the workers are: a :class:`Crew` starts and asks them, a :class:`Work` says what is
to be done. A seat is a worker's place in the pool; where the worker is lost, another one takes the seat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from grader.errors import InfrastructureError

# After so many lost workers an item is taken to be the reason, or at least not to be worth another one.
MAX_LOSSES = 3
# Workers that end before they are ready, one after the other: then it is not the node, it is what we ask of it.
MAX_FAILED_STARTS = 3
# Seconds without any worker before we give up. A cluster that grows on demand takes some minutes for a machine.
START_SECONDS = 300.0

Worker = TypeVar("Worker")
Ticket = TypeVar("Ticket")
Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)


class WorkerLost(Exception):
    """A worker has ended before it answered; its text says what is known of the reason."""


class SeatRetired(Exception):
    """Raised by :meth:`Work.take`: this seat's worker is of no use, and another one in its place would not be."""


@dataclass(frozen=True, slots=True)
class Errand(Generic[Item_co]):
    """An item of work for one worker."""

    item: Item_co  # what the work knows it by
    arguments: tuple[Any, ...]  # what the worker is sent


class Crew(Protocol[Worker, Ticket]):
    """Starts workers and talks to them; a ticket stands for an answer that is awaited."""

    def start(self) -> tuple[Worker, Ticket]:
        """Start a worker, without waiting for it; the ticket's answer comes when it is ready."""

    def send(self, worker: Worker, arguments: tuple[Any, ...]) -> Ticket:
        """Hand a ready worker an errand, without waiting."""

    def wait(self, tickets: Sequence[Ticket], seconds: float) -> Ticket | None:
        """One of the tickets whose answer is there, or whose worker is lost; ``None`` after so many seconds."""

    def fetch(self, ticket: Ticket) -> Any:
        """The answer of a ticket that :meth:`wait` has named. Raises WorkerLost, or what the worker has raised."""

    def dismiss(self, worker: Worker) -> None:
        """End a worker at once, whatever it does; harmless where it has ended."""

    def release(self, workers: Sequence[Worker]) -> None:
        """Let workers without an errand put their things in order, and end them."""


class Work(Protocol[Item]):
    """What is to be done; called in the thread of :func:`run_pool`, and what it raises ends the pool."""

    def take(self, seat: int) -> Errand[Item] | None:
        """The next errand for a seat; ``None`` where there is nothing for it now. It is asked again later.

        Raises SeatRetired to have the seat's worker released; the others work on.
        """

    def done(self, seat: int, item: Item, answer: Any) -> None:
        """An answer has come; once per item at most."""

    def lost(self, seat: int, item: Item, error: WorkerLost) -> None:
        """The worker of a seat was lost over an item, which :meth:`take` may give out again.

        Whatever that worker had warm is gone with it. It is for the work to count an item's losses (MAX_LOSSES).
        """


@dataclass(slots=True)
class _Seat(Generic[Worker, Ticket, Item]):
    number: int
    worker: Worker
    ticket: Ticket | None  # None: the worker is ready and has nothing to do
    errand: Errand[Item] | None = None  # None: it starts, or has nothing to do


def run_pool(crew: Crew[Worker, Ticket], work: Work[Item], size: int, *, start_seconds: float = START_SECONDS) -> None:
    """Have all the work done by at most ``size`` workers at one time; a lost one is replaced.

    Workers begin as they become ready: a cluster that gives fewer than ``size`` does all of the work with those.

    :param size: number of workers; nothing is done with 0.
    :param start_seconds: how long to wait where there is no worker at all.
    Raises InfrastructureError where no worker comes, or one after the other ends before it is ready. However it ends,
    no worker is left.
    """
    _Pool(crew, work, start_seconds).run(size)


class _Pool(Generic[Worker, Ticket, Item]):
    def __init__(self, crew: Crew[Worker, Ticket], work: Work[Item], start_seconds: float) -> None:
        self._crew = crew
        self._work = work
        self._start_seconds = start_seconds
        self._seats: list[_Seat[Worker, Ticket, Item]] = []
        self._failed_starts = 0

    def run(self, size: int) -> None:
        try:
            for number in range(size):
                worker, ticket = self._crew.start()
                self._seats.append(_Seat(number, worker, ticket))
            while self._give_out():
                self._await_one()
        finally:
            self._end()

    def _give_out(self) -> bool:
        """Give every ready worker something to do; whether there is anything to wait for."""
        for seat in tuple(self._seats):
            if seat.ticket is None:
                try:
                    errand = self._work.take(seat.number)
                except SeatRetired:
                    self._seats.remove(seat)
                    self._crew.release([seat.worker])
                    continue
                if errand is not None:
                    seat.errand, seat.ticket = errand, self._crew.send(seat.worker, errand.arguments)
        at_work = any(seat.errand is not None for seat in self._seats)
        starting = any(seat.ticket is not None and seat.errand is None for seat in self._seats)
        idle = any(seat.ticket is None for seat in self._seats)
        # What is left over when nobody works and somebody has asked in vain is nothing.
        return at_work or (starting and not idle)

    def _await_one(self) -> None:
        awaited = [seat for seat in self._seats if seat.ticket is not None]
        ticket = self._crew.wait([seat.ticket for seat in awaited if seat.ticket is not None], self._start_seconds)
        if ticket is None:
            if any(seat.errand is not None for seat in awaited):
                return
            raise InfrastructureError(
                f"the cluster has given no worker for {self._start_seconds:.0f} s",
                remedy="run: ray status; wait until it has free processors, or ask for less",
            )
        seat = next(seat for seat in awaited if seat.ticket is ticket)
        try:
            answer = self._crew.fetch(ticket)
        except WorkerLost as error:
            self._replace(seat, error)
            return
        errand, seat.errand, seat.ticket = seat.errand, None, None
        if errand is None:
            self._failed_starts = 0
        else:
            self._work.done(seat.number, errand.item, answer)

    def _replace(self, seat: _Seat[Worker, Ticket, Item], error: WorkerLost) -> None:
        # It may be out of reach and not at its end: nobody is to work on its item besides the next one.
        self._crew.dismiss(seat.worker)
        errand, seat.errand = seat.errand, None
        if errand is not None:
            self._work.lost(seat.number, errand.item, error)
        else:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                failure = InfrastructureError(
                    "the workers of the cluster end while they start",
                    remedy="install the same version of the grader on all of its machines",
                )
                failure.add_note(str(error))
                raise failure
        seat.worker, seat.ticket = self._crew.start()

    def _end(self) -> None:
        for seat in self._seats:
            if seat.ticket is not None:
                self._crew.dismiss(seat.worker)
        self._crew.release([seat.worker for seat in self._seats if seat.ticket is None])
