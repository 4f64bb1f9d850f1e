"""The pool with workers of this process: who gets what, who is replaced, when it ends."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from grader.cluster import MAX_LOSSES, Errand, SeatRetired, WorkerLost, run_pool
from grader.cluster.pool import MAX_FAILED_STARTS
from grader.errors import InfrastructureError
from tests.fakes.crew import FakeCrew, FakeTicket


class Doubler:
    """Doubles numbers."""

    def run(self, number: int) -> int:
        if number < 0:
            raise RuntimeError("a defect")
        return 2 * number

    def close(self) -> None: ...


class Numbers:
    """Numbers to be doubled; one at which a worker is lost is given out again."""

    def __init__(self, *numbers: int) -> None:
        self.left = list(numbers)
        self.answers: list[tuple[int, int]] = []
        self.losses: Counter[int] = Counter()
        self.seats: set[int] = set()

    def take(self, seat: int) -> Errand[int] | None:
        self.seats.add(seat)
        return Errand(number := self.left.pop(0), (number,)) if self.left else None

    def done(self, _seat: int, item: int, answer: Any) -> None:
        self.answers.append((item, answer))

    def lost(self, _seat: int, item: int, _error: WorkerLost) -> None:
        self.losses[item] += 1
        if self.losses[item] < MAX_LOSSES:
            self.left.append(item)


def states(crew: FakeCrew) -> list[str]:
    return [worker.state for worker in crew.workers]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_everything_is_done_once(size: int) -> None:
    work, crew = Numbers(1, 2, 3, 4, 5), FakeCrew(Doubler)
    run_pool(crew, work, size)
    assert sorted(work.answers) == [(1, 2), (2, 4), (3, 6), (4, 8), (5, 10)]
    assert len(crew.workers) == size
    assert "alive" not in states(crew)


def test_nothing_to_do() -> None:
    crew = FakeCrew(Doubler)
    run_pool(crew, Numbers(), 0)
    assert crew.workers == []
    run_pool(crew, Numbers(), 2)
    assert "alive" not in states(crew)


def test_an_item_of_a_lost_worker_is_done_by_another() -> None:
    work = Numbers(1, 2, 3)
    crew = FakeCrew(Doubler, lose=lambda ticket: ticket.worker.number == 0 and ticket.arguments is not None)
    run_pool(crew, work, 1)
    assert sorted(work.answers) == [(1, 2), (2, 4), (3, 6)]
    assert states(crew) == ["lost", "released"]


def test_a_worker_without_work_takes_over_what_is_given_back() -> None:
    """The second worker has asked in vain when the first one is lost."""

    def lose(ticket: FakeTicket) -> bool:
        return ticket.worker.number == 0 and ticket.arguments is not None

    work = Numbers(1)
    crew = FakeCrew(Doubler, lose=lose, starts_first=True)
    run_pool(crew, work, 2)
    assert work.answers == [(1, 2)]
    assert states(crew)[:2] == ["lost", "released"]


def test_an_item_that_loses_every_worker_does_not_go_on_for_ever() -> None:
    work = Numbers(1, 13, 2)
    crew = FakeCrew(Doubler, lose=lambda ticket: ticket.arguments == (13,))
    run_pool(crew, work, 2)
    assert sorted(work.answers) == [(1, 2), (2, 4)]
    assert work.losses == {13: MAX_LOSSES}
    assert states(crew).count("lost") == MAX_LOSSES
    assert "alive" not in states(crew)


def test_workers_that_end_before_they_are_ready() -> None:
    crew = FakeCrew(Doubler, lose=lambda ticket: ticket.arguments is None)
    with pytest.raises(InfrastructureError, match="end while they start") as caught:
        run_pool(crew, Numbers(1), 1)
    assert caught.value.__notes__ == ["the machine was switched off"]
    assert len(crew.workers) == MAX_FAILED_STARTS


def test_some_failed_starts_are_no_reason_to_end() -> None:
    work, crew = Numbers(1, 2), FakeCrew(Doubler, lose=lambda ticket: ticket.worker.number % 2 == 0)
    run_pool(crew, work, 1)
    assert work.answers == [(1, 2), (2, 4)]


def test_fewer_workers_come_than_were_asked_for() -> None:
    work, crew = Numbers(1, 2, 3), FakeCrew(Doubler, capacity=1)
    run_pool(crew, work, 3)
    assert len(work.answers) == 3
    assert work.seats == {0}
    assert states(crew) == ["released", "dismissed", "dismissed"]


def test_no_worker_comes() -> None:
    crew = FakeCrew(Doubler, capacity=0)
    with pytest.raises(InfrastructureError, match="no worker for 300 s") as caught:
        run_pool(crew, Numbers(1), 2)
    assert "ray status" in caught.value.remedy
    assert states(crew) == ["dismissed", "dismissed"]


def test_what_a_worker_raises_ends_the_pool() -> None:
    crew = FakeCrew(Doubler)
    with pytest.raises(RuntimeError, match="a defect"):
        run_pool(crew, Numbers(1, -1, 2), 2)
    assert "alive" not in states(crew)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no room")])
def test_what_the_receiver_raises_ends_the_pool(error: BaseException) -> None:
    class Work(Numbers):
        def done(self, _seat: int, item: int, answer: Any) -> None:
            raise error

    crew = FakeCrew(Doubler)
    with pytest.raises(type(error)):
        run_pool(crew, Work(1, 2, 3), 2)
    assert "alive" not in states(crew)


def test_a_retired_seat_holds_up_nobody() -> None:
    """The only ready worker is of no use: that of the other seat, which still starts, does the work."""

    class Choosy(Numbers):
        def take(self, seat: int) -> Errand[int] | None:
            if seat == 0:
                raise SeatRetired
            return super().take(seat)

    work, crew = Choosy(1, 2), FakeCrew(Doubler)
    run_pool(crew, work, 2)
    assert sorted(work.answers) == [(1, 2), (2, 4)]
    assert states(crew) == ["released", "released"]
    alone = FakeCrew(Doubler)
    run_pool(alone, Choosy(1), 1)
    assert states(alone) == ["released"]
