"""Workers with a queue and devices that are made up; the runs themselves are real."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gpu_runner import local
from gpu_runner.local import Work, work_off
from gpu_runner.ports import Began, Ended, Event, Failed, Judged, Point, Waiting
from gpu_runner.session import TimedTask
from grader.errors import InfrastructureError, SuiteError
from grader.model import Job, JobState, Outcome, SubmissionFiles, Training, TrainingRun
from tests.fakes.device import CENTROIDS, TIMED, FakeDevice, OneBox, handed_in, quick, stripes, task

POOL = stripes()
LOGS = CENTROIDS.replace("device):", "device, log):\n    log(1, 0.5)")
FAILS = "def train(images, labels, *, seed, device): return [][1]\ndef predict(model, images): pass"
SLEEPS = "import time\ndef train(images, labels, *, seed, device): time.sleep(60)\ndef predict(model, images): pass"


@dataclass
class FakeQueue:
    """Implements :class:`gpu_runner.ports.Queue` in memory; oldest first."""

    jobs: dict[int, Job] = field(default_factory=dict)
    sessions: dict[int, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    takes: list[tuple[str, int]] = field(default_factory=list)  # device, job
    fail_at: str = ""  # a call that raises

    def add(self, source: str, student: str = "", **more: Any) -> int:
        number = len(self.jobs) + 1
        self.jobs[number] = Job(
            number, "stripes", student or f"student{number}", source, JobState.QUEUED, datetime.now(UTC), **more
        )
        return number

    def change(self, number: int, **changes: Any) -> None:
        self.jobs[number] = replace(self.jobs[number], **changes)

    def take(self, assignment: str, small: bool, device: str, session: int, among: Collection[int]) -> Job | None:
        with self.lock:
            assert self.sessions[session]["device"] == device
            for number in sorted(among):
                if self.jobs[number].state is JobState.QUEUED:
                    self.change(number, state=JobState.RUNNING, device=device, session=session)
                    self.takes.append((device, number))
                    return self.jobs[number]
            return None

    def add_run(self, job: int | None, session: int, run: TrainingRun) -> None:
        if self.fail_at == "add_run":
            raise RuntimeError("the database is gone")
        with self.lock:
            if job is None:
                self.sessions[session]["references"].append(run)
            else:
                assert self.jobs[job].state is JobState.RUNNING
                self.change(job, runs=(*self.jobs[job].runs, run))

    def trained(self, job: int) -> None:
        with self.lock:
            assert self.jobs[job].state is JobState.RUNNING
            self.change(job, state=JobState.TRAINED)

    def requeue(self, job: int) -> None:
        with self.lock:
            self.change(job, state=JobState.QUEUED)

    def take_back(self, device: str) -> Sequence[Job]:
        with self.lock:
            lost = [n for n, job in self.jobs.items() if job.device == device and job.state is JobState.RUNNING]
            for number in lost:
                self.change(number, state=JobState.QUEUED)
            return [self.jobs[number] for number in lost]

    def open_session(self, assignment: str, device: str, small: bool, info: Mapping[str, Any]) -> int:
        with self.lock:
            number = len(self.sessions) + 1
            self.sessions[number] = {"device": device, "info": dict(info), "references": [], "ended": False}
            return number

    def close_session(self, session: int, seeds: Sequence[int] | None) -> None:
        with self.lock:
            assert not self.sessions[session]["ended"]
            self.sessions[session] |= {"ended": True, "seeds": seeds}

    def unfinished_sessions(self, device: str) -> Sequence[int]:
        return [n for n, one in self.sessions.items() if one["device"] == device and not one["ended"]]

    def references(self, session: int) -> Sequence[TrainingRun]:
        return self.sessions[session]["references"]

    def trained_jobs(self, session: int) -> Sequence[Job]:
        return [job for job in self.jobs.values() if job.session == session and job.state is JobState.TRAINED]

    def states(self) -> list[JobState]:
        return [job.state for job in self.jobs.values()]


@pytest.fixture(scope="module")
def box() -> Iterator[OneBox]:
    one = OneBox()
    yield one
    one.end()


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


WorkOff = Callable[..., list[Event]]


@pytest.fixture
def off(queue: FakeQueue, box: OneBox) -> WorkOff:
    """``off(devices)``: all events of working off the queue."""

    def work(
        *devices: FakeDevice,
        timed: TimedTask | None = None,
        receive: Callable[[Event], object] = lambda _event: None,
        read: Callable[[Job], SubmissionFiles | None] = lambda job: handed_in(job.key),
        wait: bool = True,
        judge: Callable[[Job, Training], object] = lambda _job, _training: None,
    ) -> list[Event]:
        events: list[Event] = []
        caller = threading.current_thread()

        def got(event: Event) -> None:
            assert threading.current_thread() is caller
            events.append(event)
            receive(event)

        def judged(job: Job, training: Training) -> None:
            judge(job, training)
            queue.change(job.id, state=JobState.JUDGED)

        to_do = Work(timed or task(), POOL, lambda: box, set(queue.jobs), read, judged)
        work_off(to_do, devices or (FakeDevice(),), queue, got, wait=wait)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("timed worker")]
        return events

    return work


def told(events: list[Event]) -> list[str]:
    """The events, a word each."""
    words = []
    for event in events:
        if isinstance(event, Judged):
            words.append(f"judged {event.job.student}")
        elif isinstance(event, Began | Ended):
            words.append(f"{type(event).__name__.lower()} {event.student or 'reference'}")
        else:
            words.append(type(event).__name__.lower())
    return words


def brief(events: list[Event]) -> str:
    """Which runs there were, and when verdicts were given: R, the number of a student, and !."""
    letters = []
    for event in events:
        if isinstance(event, Ended):
            letters.append(event.student.removeprefix("student") or "R")
        elif isinstance(event, Judged):
            letters.append(f"!{event.job.student.removeprefix('student')}")
    return " ".join(letters)


# the order of things --------------------------------------------------------------------------------------------------


def test_one_submission(off: WorkOff, queue: FakeQueue) -> None:
    number = queue.add(LOGS, "ada")
    events = off()
    assert told(events) == [
        "began reference", "ended reference",
        "began ada", "point", "ended ada", "point", "ended ada", "point", "ended ada",
        "began reference", "ended reference", "judged ada",
    ]  # fmt: skip
    assert [event.number for event in events if isinstance(event, Began)] == [1, 1, 2]
    assert [event.point.loss for event in events if isinstance(event, Point)] == [0.5] * 3
    judged = events[-1]
    assert isinstance(judged, Judged)
    assert judged.training.accuracy == 1.0
    assert judged.training.runs == queue.jobs[number].runs
    assert queue.states() == [JobState.JUDGED]


def test_the_session_is_recorded_with_its_seeds_when_it_has_ended(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    device = FakeDevice()
    off(device)
    (session,) = queue.sessions.values()
    assert (session["device"], session["info"], session["ended"]) == ("fake-0", {"model": device.model}, True)
    assert len(session["seeds"]) == TIMED.max_seeds
    assert [run.seed for run in session["references"]] == list(session["seeds"][:2])
    assert [run.seed for run in queue.jobs[1].runs] == list(session["seeds"][:3])
    assert not device.held


def test_sessions_have_seeds_of_their_own(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    off()
    queue.add(CENTROIDS)
    off()
    one, other = queue.sessions.values()
    assert not {*one["seeds"]} & {*other["seeds"]}


def test_the_reference_runs_first_last_and_in_between(off: WorkOff, queue: FakeQueue) -> None:
    for _ in range(5):
        queue.add(CENTROIDS)
    events = off(timed=task(quick(reference_every=2, full=0.5)))
    assert brief(events) == "R 1 1 1 2 2 2 R !1 !2 3 3 3 4 4 4 R !3 !4 5 5 5 R !5"


def test_a_whole_number_of_rounds_needs_no_further_reference(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(FAILS)
    queue.add(FAILS)
    assert brief(off(timed=task(quick(reference_every=2)))) == "R 1 2 R !1 !2"


def test_verdicts_use_the_references_on_both_sides(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    judged = off()[-1]
    assert isinstance(judged, Judged)
    (session,) = queue.sessions.values()
    seconds = [run.seconds for run in session["references"]]
    assert judged.training.reference_seconds == pytest.approx(sum(seconds) / 2)


def test_runs_of_an_earlier_session_are_not_repeated(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    off()
    queue.change(1, state=JobState.QUEUED, runs=queue.jobs[1].runs[:2])
    events = off()
    assert brief(events) == "R 1 R !1"
    assert [event.number for event in events if isinstance(event, Began) and event.student] == [3]
    assert len(queue.jobs[1].runs) == 3


def test_an_empty_queue(off: WorkOff, queue: FakeQueue) -> None:
    assert brief(off()) == ""
    assert [session["ended"] for session in queue.sessions.values()] == [True]


def test_two_devices_share_the_work(off: WorkOff, queue: FakeQueue) -> None:
    for _ in range(8):
        queue.add(CENTROIDS)
    devices = FakeDevice("fake-0"), FakeDevice("fake-1")
    events = off(*devices)
    assert queue.states() == [JobState.JUDGED] * 8
    assert sorted(number for _device, number in queue.takes) == list(range(1, 9)), "each once"
    for device in devices:
        mine = [event for event in events if isinstance(event, Ended) and event.device == device.name]
        assert {run.device for run in [event.run for event in mine]} == {device.name}
        assert [event.student for event in (mine[0], mine[-1])] == ["", ""]
    for job in queue.jobs.values():
        assert {run.device for run in job.runs} == {job.device}


def test_what_is_not_among_the_jobs_is_left(off: WorkOff, queue: FakeQueue, box: OneBox) -> None:
    queue.add(CENTROIDS)
    queue.add(CENTROIDS)
    to_do = Work(task(), POOL, lambda: box, {2}, lambda job: handed_in(job.key), lambda job, training: None)
    work_off(to_do, [FakeDevice()], queue, lambda event: None)
    assert [number for _device, number in queue.takes] == [2]
    assert queue.jobs[1].state is JobState.QUEUED


# failures of ours -----------------------------------------------------------------------------------------------------


def test_a_failure_at_one_job_leaves_the_others(off: WorkOff, queue: FakeQueue) -> None:
    """The device is not free after the second student's first run."""
    for _ in range(3):
        queue.add(CENTROIDS)
    device = FakeDevice(left=["", "", "", "", "a process of nobody's"])
    events = off(device)
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert failed.job is not None
    assert (failed.job.id, failed.device) == (2, "fake-0")
    assert "a process of nobody's" in failed.error.what
    assert queue.states() == [JobState.JUDGED, JobState.QUEUED, JobState.JUDGED]
    assert queue.jobs[2].runs == ()


def test_a_job_that_fails_is_tried_once_only(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    off(FakeDevice(left=["", *["somebody"] * 50]), receive=lambda event: None)
    assert [number for _device, number in queue.takes] == [1]
    assert queue.states() == [JobState.QUEUED]


def test_what_has_changed_since_it_was_queued_stays_there(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS, "ada")
    queue.add(CENTROIDS)
    events = off(read=lambda job: None if job.id == 1 else handed_in(job.key))
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert failed.error.what == "the submission has changed since it was queued"
    assert failed.error.where == "ada/stripes"
    assert queue.states() == [JobState.QUEUED, JobState.JUDGED]


LATE = "import time\n" + CENTROIDS.replace("    return np.stack", "    time.sleep(0.15)\n    return np.stack")
STRICT = task(quick(floor_seconds=0.1, multiple=1.01, hard_stop=20.0))


def test_a_device_that_stays_disturbed_grades_nobody(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(LATE)
    events = off(FakeDevice(disturbed=["", *["somebody"] * 6]), timed=STRICT)
    assert [type(event).__name__ for event in events].count("Failed") == 1
    assert queue.states() == [JobState.QUEUED]
    assert {run.disturbed for run in queue.jobs[1].runs} == {"somebody"}, "kept in the record"
    events = off(FakeDevice(), timed=STRICT)
    assert queue.states() == [JobState.JUDGED], "the next session is not held back by the last one's void runs"


def test_a_reference_that_fails_stops_all(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    with pytest.raises(SuiteError, match="the reference solution does not train"):
        off(FakeDevice("fake-0"), FakeDevice("fake-1"), timed=task(reference=FAILS))
    assert queue.states() == [JobState.QUEUED]
    assert all(session["ended"] for session in queue.sessions.values())


def test_a_sandbox_that_does_not_start_is_told(queue: FakeQueue) -> None:
    class Broken:
        name = "broken"
        guarantees: frozenset[str] = frozenset()

        def start(self, *_arguments: Any) -> Any:
            raise InfrastructureError("no sandbox here", remedy="run: grader doctor")

    queue.add(CENTROIDS)
    events: list[Event] = []
    device = FakeDevice()
    to_do = Work(task(), POOL, Broken, {1}, lambda job: handed_in(job.key), lambda job, training: None)
    work_off(to_do, [device], queue, events.append)
    assert [(event.error.what, event.job) for event in events if isinstance(event, Failed)] == [
        ("no sandbox here", None)
    ]
    assert queue.states() == [JobState.QUEUED]
    assert not device.held


def test_a_defect_of_ours_reaches_the_caller(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    queue.fail_at = "add_run"
    with pytest.raises(RuntimeError, match="the database is gone"):
        off()
    assert queue.states() == [JobState.QUEUED]


# busy devices ---------------------------------------------------------------------------------------------------------


def test_a_busy_device_is_waited_for(off: WorkOff, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "WAIT_SECONDS", 0.001)
    queue.add(CENTROIDS)
    events = off(FakeDevice(busy=3))
    assert [event.why for event in events if isinstance(event, Waiting)] == ["fake-0 is in use; waiting for it"]
    assert queue.states() == [JobState.JUDGED]


def test_a_busy_device_is_given_up(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    events = off(FakeDevice(busy=3), wait=False)
    (waiting,) = events
    assert isinstance(waiting, Waiting)
    assert waiting.why.startswith("device fake-0 is in use by somebody")
    assert queue.states() == [JobState.QUEUED]


def test_the_other_device_does_the_work(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    off(FakeDevice("fake-0", busy=3), FakeDevice("fake-1"), wait=False)
    assert [job.device for job in queue.jobs.values()] == ["fake-1"]
    assert queue.states() == [JobState.JUDGED]


# interruptions --------------------------------------------------------------------------------------------------------


def test_an_interruption_gives_the_jobs_back(off: WorkOff, queue: FakeQueue) -> None:
    """Ctrl-C while a run is under way that would take a minute: its run is lost, the others' stay."""
    queue.add(CENTROIDS)
    queue.add(SLEEPS)

    def interrupt(event: Event) -> None:
        if isinstance(event, Began) and event.student == "student2":
            raise KeyboardInterrupt

    device = FakeDevice()
    with pytest.raises(KeyboardInterrupt):
        off(device, timed=task(quick(floor_seconds=60.0)), receive=interrupt)
    assert queue.states() == [JobState.QUEUED, JobState.QUEUED]
    assert [run.outcome for run in queue.jobs[1].runs] == [Outcome.PASSED] * 3
    assert queue.jobs[2].runs == ()
    assert [session["ended"] for session in queue.sessions.values()] == [True]
    assert not device.held
    assert len(device.watched) <= 5, "no further reference was run"


def test_an_interruption_at_the_very_beginning(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)

    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        off(FakeDevice(), timed=task(reference=SLEEPS), receive=interrupt)
    assert queue.states() == [JobState.QUEUED]
    assert all(session["ended"] for session in queue.sessions.values())


def test_an_interruption_while_it_waits(off: WorkOff, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "WAIT_SECONDS", 60.0)
    queue.add(CENTROIDS)

    def interrupt(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        off(FakeDevice(busy=100), receive=interrupt)
    assert queue.states() == [JobState.QUEUED]
    assert queue.sessions == {}


def test_an_interruption_before_the_session_is_there(
    off: WorkOff, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is told to stop while it still opens its session: it must not run a minute of reference first."""
    opening, told_to_stop = threading.Event(), threading.Event()
    session, abandon = local.Session, local.Worker.abandon

    def open_late(*arguments: Any) -> Any:
        opening.set()
        assert told_to_stop.wait(10)
        return session(*arguments)

    def abandoned(worker: local.Worker) -> None:
        abandon(worker)
        told_to_stop.set()

    def interrupt(event: Event) -> None:
        assert opening.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "WAIT_SECONDS", 0.001)
    monkeypatch.setattr(local, "Session", open_late)
    monkeypatch.setattr(local.Worker, "abandon", abandoned)
    queue.add(CENTROIDS)
    with pytest.raises(KeyboardInterrupt):
        off(FakeDevice(busy=1), timed=task(reference=SLEEPS), receive=interrupt)
    assert queue.states() == [JobState.QUEUED]


# a runner that was killed ---------------------------------------------------------------------------------------------


def test_what_a_killed_runner_has_left_is_taken_over(off: WorkOff, queue: FakeQueue) -> None:
    """One job in the middle of its runs, one that waits for its verdict, and a session without an end."""
    queue.add(CENTROIDS)
    queue.add(CENTROIDS)
    queue.add(CENTROIDS)
    off()
    runs = queue.jobs[1].runs
    queue.sessions[1]["ended"] = False
    queue.change(1, state=JobState.RUNNING, runs=runs[:1])
    queue.change(2, state=JobState.TRAINED)
    events = off()
    assert brief(events) == "R 1 1 R !1 !2", "runs that were in are kept, and job 3 has its verdict"
    assert queue.jobs[1].runs[:1] == runs[:1]
    assert queue.sessions[1]["ended"]
    assert queue.sessions[1]["seeds"] is None, "they are lost"
    assert queue.states() == [JobState.JUDGED] * 3


def test_what_another_device_runs_is_left_alone(off: WorkOff, queue: FakeQueue) -> None:
    queue.add(CENTROIDS)
    queue.add(CENTROIDS)
    queue.change(1, state=JobState.RUNNING, device="fake-7", session=1)
    queue.open_session("stripes", "fake-7", False, {})
    off()
    assert queue.states() == [JobState.RUNNING, JobState.JUDGED]
    assert not queue.sessions[1]["ended"]
