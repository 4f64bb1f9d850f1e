"""Timed tasks on Ray without Ray: actors of this process, a queue in a real database, and runs that play a script."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gpu_runner import ray_actor, session
from gpu_runner.catalogue import CATALOGUE, Format
from gpu_runner.datasets import Pool, content_key
from gpu_runner.devices.base import Device
from gpu_runner.devices.locks import device_lock
from gpu_runner.draw import Draw
from gpu_runner.local import Work, work_off
from gpu_runner.ports import Began, Ended, Event, Failed, Judged, Waiting
from gpu_runner.ray_actor import Open, PoolSource, Reference, Submission, TrainingActor
from gpu_runner.ray_engine import Driver, require_kind, work_off_on_ray
from grader.cluster import MAX_LOSSES, run_pool
from grader.errors import InfrastructureError, StoreError, SuiteError
from grader.model import GradeReport, Job, JobState, Outcome, Status, SubmissionFiles, TrainingRun
from grader.store.database import Store
from grader.store.queue import JobQueue, TimedSession
from tests.fakes.crew import FakeCrew, FakeTicket, FakeWorker
from tests.fakes.datasets import CLASSES, arrays, describe, npz
from tests.fakes.device import TIMED, FakeDevice, handed_in, quick, stripes, task

TASK = "stripes"
HERE = platform.node()


@dataclass(eq=False)
class TurnsCrew(FakeCrew):
    """Sends through pickle, as Ray does; who has waited longest is served first. Every worker has a machine."""

    sent: list[tuple[int, Any]] = field(default_factory=list)
    served: Counter[int] = field(default_factory=Counter)

    def send(self, worker: FakeWorker, arguments: tuple[Any, ...]) -> FakeTicket:
        order = pickle.loads(pickle.dumps(arguments[0]))
        self.sent.append((worker.number, order))
        return super().send(worker, (order,))

    def wait(self, tickets: Sequence[FakeTicket], _seconds: float) -> FakeTicket:
        ticket = min(tickets, key=lambda each: (self.served[each.worker.number], each.worker.number))
        self.served[ticket.worker.number] += 1
        return ticket

    def fetch(self, ticket: FakeTicket) -> Any:
        return pickle.loads(pickle.dumps(super().fetch(ticket)))

    def orders(self, kind: type) -> list[tuple[int, Any]]:
        return [(number, order) for number, order in self.sent if isinstance(order, kind)]


class Nodes:
    """The devices of the cluster: one of its own for every actor, in the order in which they look for one."""

    given: ClassVar[list[FakeDevice]] = []  # set by a test; beyond these, ordinary ones are made
    made: ClassVar[list[FakeDevice]] = []

    @classmethod
    def find(cls, kind: str) -> Sequence[Device]:
        device = cls.given.pop(0) if cls.given else FakeDevice(f"fake-{len(cls.made)}", kind)
        cls.made.append(device)
        return [device]


@dataclass(frozen=True)
class InHand:
    """Implements :class:`gpu_runner.ray_actor.Held`."""

    pool: Pool

    def get(self) -> Pool:
        return self.pool


class NoProcesses:
    """Stands for sandbox and zygote; the script of the runs does without."""

    def start(self, *_arguments: object) -> NoProcesses:
        return self

    def close(self) -> None: ...


Script = Callable[[str, Device], TrainingRun | Exception | None]


@pytest.fixture(autouse=True)
def nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Nodes, "given", [])
    monkeypatch.setattr(Nodes, "made", [])
    monkeypatch.setattr(ray_actor, "BUSY_SECONDS", 0.0)
    monkeypatch.setenv("GRADER_LOCKS", str(tmp_path / "the node's [locks]"))


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], list[str]]:
    """Have runs follow a script, called with the student ("" for the reference) and device; gives who has run."""

    def start(script: Script) -> list[str]:
        ran: list[str] = []

        def run_once(
            _zygote: object,
            files: SubmissionFiles,
            _limits: object,
            draw: Draw,
            _timed: object,
            device: Device,
            **_: Any,
        ) -> TrainingRun:
            assert getattr(device, "held", True), "a run on a device that is not locked"
            student = files.source.partition("student = ")[2].strip()
            ran.append(student)
            result = script(student, device) or passed(device)
            if isinstance(result, Exception):
                raise result
            return replace(result, seed=draw.seed)

        monkeypatch.setattr(session, "run_once", run_once)
        return ran

    return start


def passed(device: Device, seconds: float = 1.0, disturbed: str = "") -> TrainingRun:
    return TrainingRun(
        0, Outcome.PASSED, seconds, 0.99, 400, device.name, disturbed=disturbed, conditions={"model": device.model}
    )


class Class:
    """A queue with a job per student, and what became of it."""

    def __init__(self, store: Store, students: str) -> None:
        self.queue = JobQueue(store)
        self._store = store
        self.events: list[Event] = []
        self.jobs = [
            self.queue.enqueue(TASK, student, f"key of {student}", small=False, budget_seconds=1e9)
            for student in students
        ]

    def work(self, **changes: object) -> Work:
        def judge(job: Job, training: Any) -> None:
            report = GradeReport(TASK, job.student, Status.GRADED, 8.0, 8.0, key=job.key, training=training)
            self._store.record(report, job.id)

        def read(job: Job) -> SubmissionFiles:
            return handed_in(f"student = {job.student}")

        return Work(
            task(quick(**changes), "reference = 1"), stripes(), NoProcesses, [job.id for job in self.jobs], read, judge
        )

    def on_ray(
        self,
        size: int = 1,
        lose: Callable[[FakeTicket], bool] = lambda _ticket: False,
        receive: Callable[[Event], object] = lambda _event: None,
        kind: str = "cpu",
        **changes: object,
    ) -> TurnsCrew:
        def tell(event: Event) -> None:
            self.events.append(event)
            receive(event)

        driver = Driver(self.work(**changes), self.queue, tell, kind, InHand, Nodes.find)
        crew = TurnsCrew(TrainingActor, lose=lose)
        try:
            run_pool(crew, driver, size)
        finally:
            driver.close()
        return crew

    @property
    def states(self) -> dict[str, JobState]:
        return {job.student: job.state for job in self.queue.jobs()}

    @property
    def runs(self) -> dict[str, int]:
        """How many runs of each student are stored."""
        return {job.student: len(job.runs) for job in self.queue.jobs()}

    def judged(self) -> dict[str, int]:
        """How often each student's verdict was told."""
        return Counter(event.job.student for event in self.events if isinstance(event, Judged))

    def failures(self) -> list[tuple[str, str]]:
        """Student, or nothing, and what failed."""
        failed = [event for event in self.events if isinstance(event, Failed)]
        return [(event.job.student if event.job else "", event.error.what) for event in failed]

    def settled(self) -> int:
        """Nothing runs, every session has ended, and its seeds are all logged; the number of sessions."""
        assert not {JobState.RUNNING, JobState.TRAINED} & {*self.states.values()}
        sessions = self._sessions()
        for each in sessions:
            assert each.ended_at is not None
            assert each.seeds is not None
            assert len(each.seeds) == TIMED.max_seeds
        return len(sessions)

    def _sessions(self) -> list[TimedSession]:
        found: list[TimedSession] = []
        with contextlib.suppress(StoreError):  # there are no more
            for number in itertools.count(1):
                found.append(self.queue.session(number))
        return found


def event_of(event: Event) -> str:
    """The student of an event; empty for the reference."""
    return getattr(event, "student", "")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'results.sqlite'}") as opened:
        yield opened


@pytest.fixture
def make_class(store: Store) -> Callable[[str], Class]:
    return lambda students: Class(store, students)


Play = Callable[[Script], list[str]]
MakeClass = Callable[[str], Class]


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [
        (type(event).__name__, event.job.student if isinstance(event, Judged) else event_of(event)) for event in events
    ]


def lose_once(when: Callable[[FakeTicket], bool]) -> Callable[[FakeTicket], bool]:
    left = [True]

    def lose(ticket: FakeTicket) -> bool:
        if left and when(ticket):
            left.clear()
            return True
        return False

    return lose


def of(ticket: FakeTicket, student: str, own: int = 0) -> bool:
    """Whether it is for the run of a student that comes after so many."""
    order = ticket.arguments[0] if ticket.arguments else None
    return (
        isinstance(order, Submission)
        and order.files.source.strip().endswith(f"student = {student}")
        and len(order.own) == own
    )


def test_the_caller_is_told_what_the_local_engine_tells(play: Play, tmp_path: Path) -> None:
    def script(student: str, device: Device) -> TrainingRun | None:
        return replace(passed(device), outcome=Outcome.ERROR, accuracy=None, message="no") if student == "b" else None

    ran = play(script)
    with Store(f"sqlite:///{tmp_path / 'a'}") as one, Store(f"sqlite:///{tmp_path / 'b'}") as other:
        here, there = Class(one, "abcde"), Class(other, "abcde")
        work_off(here.work(reference_every=2), [FakeDevice()], here.queue, here.events.append)
        locally, ran[:] = list(ran), []
        there.on_ray(reference_every=2)
        assert ran == locally
        assert told(there.events) == told(here.events)
        trained = [[event.training for event in each.events if isinstance(event, Judged)] for each in (here, there)]
        assert [(each.limit_seconds, each.accuracy, each.device, len(each.runs)) for each in trained[0]] == [
            (each.limit_seconds, each.accuracy, each.device, len(each.runs)) for each in trained[1]
        ]
        assert set(there.states.values()) == {JobState.JUDGED}
        there.settled()


def test_two_nodes_share_the_work(play: Play, make_class: MakeClass) -> None:
    ran = play(lambda _student, _device: None)
    group = make_class("abcd")
    crew = group.on_ray(2)
    assert group.judged() == dict.fromkeys("abcd", 1)
    assert group.runs == dict.fromkeys("abcd", 3)
    assert Counter(ran) == {**dict.fromkeys("abcd", 3), "": 4}
    assert {event.device for event in group.events if isinstance(event, Ended)} == {"fake-0", "fake-1"}
    seeds = [order.seeds for _, order in crew.orders(Open)]
    assert len({seed for each in seeds for seed in each}) == 2 * TIMED.max_seeds, "each session has seeds of its own"
    assert [worker.state for worker in crew.workers] == ["released", "released"]
    assert not any(device.held for device in Nodes.made)
    assert group.settled() == 2


@pytest.mark.parametrize("own", [0, 1, 2, 3])
def test_a_lost_node_costs_the_run_under_way_alone(play: Play, make_class: MakeClass, own: int) -> None:
    """The first job waits for its verdict when the node is lost over the second, after so many of its runs."""
    ran = play(lambda _student, _device: None)
    group = make_class("abc")
    crew = group.on_ray(lose=lose_once(lambda ticket: of(ticket, "b", own)))
    assert [worker.state for worker in crew.workers] == ["lost", "released"]
    assert group.judged() == dict.fromkeys("abc", 1)
    assert group.runs == dict.fromkeys("abc", 3), "what was in is neither lost nor run again"
    assert Counter(ran)["a"] == 3
    sessions = {run.seed for job in group.queue.jobs() for run in job.runs if job.student == "a"}
    assert sessions <= set(group.queue.session(1).seeds or ()), "the seeds of the lost session are known"
    assert group.settled() == 2


def test_a_node_is_lost_over_the_reference(play: Play, make_class: MakeClass) -> None:
    play(lambda _student, _device: None)
    group = make_class("ab")
    references: list[FakeTicket] = []

    def last(ticket: FakeTicket) -> bool:
        if ticket.arguments and isinstance(ticket.arguments[0], Reference):
            references.append(ticket)
            return len(references) == 2
        return False

    group.on_ray(lose=last)
    assert group.judged() == {"a": 1, "b": 1}
    assert group.runs == {"a": 3, "b": 3}
    group.settled()


def test_runs_on_another_model_are_kept_and_do_not_count(play: Play, make_class: MakeClass) -> None:
    play(lambda _student, device: passed(device, 1.0 if device.model == "slow" else 0.1))
    Nodes.given = [FakeDevice("fake-0", model="slow"), FakeDevice("fake-1", model="fast")]
    group = make_class("ab")
    group.on_ray(lose=lose_once(lambda ticket: of(ticket, "b", 2)))
    assert group.runs == {"a": 6, "b": 5}, "all are in the record"
    verdicts = {event.job.student: event.training for event in group.events if isinstance(event, Judged)}
    for training in verdicts.values():
        assert {run.conditions["model"] for run in training.runs} == {"fast"}
        assert (len(training.runs), training.seconds, training.reference_seconds) == (3, 0.1, 0.1)
    assert group.judged() == {"a": 1, "b": 1}


def test_a_job_that_loses_every_node_stays_queued(play: Play, make_class: MakeClass) -> None:
    play(lambda _student, _device: None)
    group = make_class("abc")
    crew = group.on_ray(2, lambda ticket: of(ticket, "b", 1))
    assert [worker.state for worker in crew.workers].count("lost") == MAX_LOSSES
    [failed] = [event for event in group.events if isinstance(event, Failed)]
    assert failed.job is not None
    assert failed.job.student == "b"
    assert f"{MAX_LOSSES} workers" in failed.error.what
    assert failed.error.__notes__ == ["the machine was switched off"]
    assert group.states == {"a": JobState.JUDGED, "b": JobState.QUEUED, "c": JobState.JUDGED}
    assert group.judged() == {"a": 1, "c": 1}
    group.settled()


@pytest.mark.parametrize("order", [Open, Reference])
def test_a_seat_that_loses_every_worker_before_a_job_is_given_up(
    play: Play, make_class: MakeClass, order: type
) -> None:
    play(lambda _student, _device: None)
    group = make_class("ab")
    crew = group.on_ray(lose=lambda ticket: bool(ticket.arguments) and isinstance(ticket.arguments[0], order))
    assert [worker.state for worker in crew.workers] == ["lost"] * MAX_LOSSES + ["released"]
    [(student, what)] = group.failures()
    assert student == ""
    assert "reference" in what
    assert set(group.states.values()) == {JobState.QUEUED}
    assert group.settled() == (0 if order is Open else MAX_LOSSES)


def test_what_one_node_fails_at_another_one_runs(play: Play, make_class: MakeClass) -> None:
    first: list[str] = []

    def script(student: str, device: Device) -> Exception | None:
        if student == "b" and not first:
            first.append(device.name)
            return InfrastructureError("no room")
        return None

    play(script)
    group = make_class("abcd")
    group.on_ray(2)
    [failed] = [event for event in group.events if isinstance(event, Failed)]
    assert (failed.error.what, failed.job and failed.job.student, [failed.device]) == ("no room", "b", first)
    assert failed.error.__notes__ == [f"on the machine {HERE}"]
    assert group.judged() == dict.fromkeys("abcd", 1)
    [job] = [job for job in group.queue.jobs() if job.student == "b"]
    assert job.device not in first
    group.settled()


def test_what_the_only_node_fails_at_stays_queued(play: Play, make_class: MakeClass) -> None:
    ran = play(lambda student, _device: InfrastructureError("no room") if student == "b" else None)
    group = make_class("abc")
    group.on_ray()
    assert group.failures() == [("b", "no room")]
    assert group.states == {"a": JobState.JUDGED, "b": JobState.QUEUED, "c": JobState.JUDGED}
    assert Counter(ran) == {"": 2, "a": 3, "b": 1, "c": 3}
    group.settled()


def test_a_node_that_cannot_run_the_reference_leaves_the_work_to_others(play: Play, make_class: MakeClass) -> None:
    def script(student: str, device: Device) -> TrainingRun | None:
        if student == "" and device.name == "fake-0":
            return replace(passed(device, disturbed="others"), outcome=Outcome.TIMEOUT)
        return None

    play(script)
    group = make_class("abc")
    crew = group.on_ray(2)
    assert group.judged() == dict.fromkeys("abc", 1)
    [(student, what)] = group.failures()
    assert student == ""
    assert "the reference cannot be run on fake-0" in what
    assert [worker.state for worker in crew.workers] == ["released", "released"]
    group.settled()


def test_a_reference_that_does_not_train_is_the_tasks_fault(play: Play, make_class: MakeClass) -> None:
    play(lambda _student, device: replace(passed(device), outcome=Outcome.ERROR, accuracy=None, message="no"))
    group = make_class("ab")
    with pytest.raises(SuiteError, match="does not train: error, no") as caught:
        group.on_ray(2)
    assert caught.value.where == "solutions/stripes/assignment.toml"
    assert set(group.states.values()) == {JobState.QUEUED}
    group.settled()


@pytest.mark.parametrize("kind", [Began, Ended, Judged])
@pytest.mark.parametrize("student", ["", "b"])
def test_an_interruption_gives_the_jobs_back(play: Play, make_class: MakeClass, kind: type, student: str) -> None:
    play(lambda _student, _device: None)
    group = make_class("abcd")
    at = ("Judged", "b") if kind is Judged else (kind.__name__, student)

    def interrupt(event: Event) -> None:
        if told([event]) == [at]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        group.on_ray(2, receive=interrupt)
    assert set(group.states.values()) <= {JobState.QUEUED, JobState.JUDGED}
    group.settled()
    before = group.runs
    group.events.clear()
    group.on_ray(2)
    assert set(group.states.values()) == {JobState.JUDGED}
    assert all(group.runs[student] == 3 for student in before), "runs that were in are not run again"


def test_a_submission_that_has_changed_is_left(play: Play, make_class: MakeClass) -> None:
    play(lambda _student, _device: None)
    group = make_class("ab")
    whole = group.work
    group.work = lambda **changes: replace(  # type: ignore[method-assign]
        whole(**changes), read=lambda job: None if job.student == "a" else handed_in(f"student = {job.student}")
    )
    group.on_ray()
    assert group.failures() == [("a", "the submission has changed since it was queued")]
    assert group.states == {"a": JobState.QUEUED, "b": JobState.JUDGED}


def test_jobs_of_another_runner_are_not_waited_for(play: Play, make_class: MakeClass) -> None:
    ran = play(lambda _student, _device: None)
    group = make_class("ab")
    other = group.queue.open_session(TASK, "elsewhere", False, {})
    for _ in "ab":
        assert group.queue.take(TASK, False, "elsewhere", other)
    group.on_ray()
    assert ran == [""], "a session finds it out after its first reference"
    assert group.states == dict.fromkeys("ab", JobState.RUNNING)


@pytest.mark.parametrize("host", [HERE, "another machine"])
def test_what_a_killed_run_has_left_is_taken_over(
    play: Play, make_class: MakeClass, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    play(lambda _student, _device: None)
    monkeypatch.setattr(ray_actor.platform, "node", lambda: HERE)
    name = "fake-0" if host == HERE else f"fake-0 on {host}"
    group = make_class("ab")
    killed = group.queue.open_session(TASK, name, False, {})
    job = group.queue.take(TASK, False, name, killed)
    assert job is not None
    answer = TrainingActor.run

    def run(self: TrainingActor, order: Any) -> Any:
        told = answer(self, order)
        return replace(told, host=host) if isinstance(told, ray_actor.Opened) else told

    monkeypatch.setattr(TrainingActor, "run", run)
    group.on_ray()
    assert group.judged() == {"a": 1, "b": 1}
    assert group.queue.session(killed).ended_at is not None
    assert {run.device for job in group.queue.jobs() for run in job.runs} == {name}


def test_machines_of_one_name_are_told_apart(play: Play, make_class: MakeClass) -> None:
    """Else the second session would take back what the first one runs."""
    play(lambda _student, _device: None)
    Nodes.given = [FakeDevice("gpu"), FakeDevice("gpu")]
    group = make_class("abcd")
    group.on_ray(2)
    assert group.judged() == dict.fromkeys("abcd", 1)
    assert {job.device for job in group.queue.jobs()} == {"gpu", "gpu (2)"}


def test_a_device_in_use_is_waited_for(play: Play, make_class: MakeClass) -> None:
    play(lambda _student, _device: None)
    busy = FakeDevice(busy=3)

    def lock(*, wait: Callable[[], bool]) -> Any:
        busy.busy = max(0, busy.busy - 1)  # its holder goes on
        return FakeDevice.lock(busy, wait=wait)

    busy.lock = lock  # type: ignore[method-assign]
    Nodes.given = [busy, busy, busy]
    group = make_class("a")
    group.on_ray()
    [waiting] = [event for event in group.events if isinstance(event, Waiting)]
    assert waiting.device == "worker 1"
    assert waiting.why == f"device fake-0 is in use by somebody, on the machine {HERE}; waiting for it"
    assert group.judged() == {"a": 1}


def test_a_worker_without_a_device_holds_up_nobody(play: Play, make_class: MakeClass) -> None:
    """The one device of a node is another worker's: the second one asks until all is done."""
    play(lambda _student, _device: None)
    only = FakeDevice()
    Nodes.given = [only]

    class Taken(FakeDevice):
        def lock(self, *, wait: Callable[[], bool]) -> Any:
            self.busy = 1
            return super().lock(wait=wait)

    Nodes.given += [Taken() for _ in range(100)]
    group = make_class("abc")
    crew = group.on_ray(2)
    assert group.judged() == dict.fromkeys("abc", 1)
    assert [worker.state for worker in crew.workers] == ["released", "released"]


def test_shares_of_a_gpu_take_turns(play: Play, make_class: MakeClass) -> None:
    """Two hold a share for their sessions and the GPU for each run; a third one finds none, nor does a stranger."""
    gpu = FakeDevice("gpu 0", "cuda")
    seen: list[str] = []

    def script(_student: str, _device: Device) -> None:
        assert gpu.held
        for number in (1, 2):
            with pytest.raises(Exception, match="in use"), device_lock(f"gpu 0, share {number} of 2", lambda: False):
                seen.append("a share was free")

    play(script)
    Nodes.given = [gpu] * 200
    group = make_class("abcde")
    group.on_ray(3, kind="cuda", gpu_share=0.5)
    assert seen == []
    assert group.judged() == dict.fromkeys("abcde", 1)
    assert {job.device for job in group.queue.jobs()} == {"gpu 0, share 1 of 2", "gpu 0, share 2 of 2"}
    assert not gpu.held
    assert sum(isinstance(event, Waiting) for event in group.events) == 1


def test_a_node_with_other_versions_refuses(play: Play, make_class: MakeClass, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = play(lambda _student, _device: None)
    group = make_class("a")
    driver = Driver(group.work(), group.queue, group.events.append, "cpu", InHand, Nodes.find)
    here = ray_actor.versions()
    monkeypatch.setattr(ray_actor, "versions", lambda: {**here, "torch": "0.1"})
    run_pool(TurnsCrew(TrainingActor), driver, 1)
    [(student, what)] = group.failures()
    assert student == ""
    assert f"{HERE} has other versions than the machine that grades: torch 0.1" in what
    assert ran == []
    assert group.states == {"a": JobState.QUEUED}


@pytest.mark.parametrize("have", ["whole", "altered", "nothing"])
def test_a_node_uses_its_own_files_where_they_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, have: str
) -> None:
    images, labels = arrays(12, (4, 4), 1)
    content = npz(x_train=images[:8], y_train=labels[:8], x_test=images[8:], y_test=labels[8:])
    dataset = describe("newts", Format.NPZ, {"newts.npz": content}, (4, 4), 12)
    monkeypatch.setitem(CATALOGUE, "newts", dataset)
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    if have != "nothing":
        (tmp_path / "data" / "newts.npz").write_bytes(content if have == "whole" else content[:-1] + b"\1")
    sent = Pool(images + 1, labels, len(CLASSES))
    source = PoolSource("newts", content_key(dataset), InHand(sent))
    assert (source.load() is sent) == (have != "whole")
    assert replace(source, key="of other checksums").load() is sent
    assert replace(source, key="").load() is sent


def test_without_jobs_no_cluster_is_needed(make_class: MakeClass, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "ray://nowhere:1")
    group = make_class("")
    work_off_on_ray(group.work(), group.queue, group.events.append)
    assert group.events == []


def test_tasks_that_need_a_gpu() -> None:
    require_kind("cpu", TIMED, 0.0)
    require_kind("cuda", TIMED, 1.0)
    with pytest.raises(InfrastructureError, match="has no GPU"):
        require_kind("cuda", TIMED, 0.0)
    with pytest.raises(InfrastructureError, match="meant for a GPU"):
        require_kind("cpu", quick(device="cuda"), 4.0)
