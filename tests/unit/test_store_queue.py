"""The queue of timed tasks, on both databases: fair, each job to one runner, and nothing lost or done twice."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gpu_runner import ports
from grader.errors import StoreError
from grader.model import CurvePoint, GradeReport, Job, JobState, Outcome, Status, Training, TrainingRun
from grader.store.database import Store
from grader.store.queue import JobQueue

TASK, DEVICE, BUDGET = "digits_mlp", "cpu-0", 3600.0
RUN = TrainingRun(
    seed=2**63 - 1,
    outcome=Outcome.PASSED,
    seconds=10.0,
    accuracy=0.96,
    hidden_images=500,
    device=DEVICE,
    train_seconds=9.5,
    message="a message",
    traceback="line 3",
    output="epoch 1 \N{GREEK SMALL LETTER EPSILON}",
    curve=(CurvePoint(0.5, 2.25, None, 1.0), CurvePoint(1.0, 1.5, 0.75, 2.0)),
    conditions={"clock_mhz": [1980, 1975.5], "throttled": False, "driver": "570.1", "peak": None, "more": {"a": 1}},
)
REPORT = GradeReport(TASK, "ada", Status.GRADED, 3.0, 4.0, key="k")


@pytest.fixture
def store(any_url: str) -> Iterator[Store]:
    with Store(any_url) as opened:
        yield opened


@pytest.fixture
def queue(store: Store) -> JobQueue:
    return JobQueue(store)


@pytest.fixture
def session(queue: JobQueue) -> int:
    return queue.open_session(TASK, DEVICE, False, {})


def put(queue: JobQueue, student: str, key: str = "k", *, task: str = TASK, small: bool = False) -> Job:
    return queue.enqueue(task, student, key, small=small, budget_seconds=BUDGET)


def take(queue: JobQueue, session: int, *, task: str = TASK, small: bool = False) -> Job:
    job = queue.take(task, small, DEVICE, session)
    assert job is not None
    return job


def spend(
    store: Store, student: str, *seconds: float, task: str = TASK, disturbed: str = "", judge: bool = True
) -> Job:
    """A job of this student that has run this long."""
    queue = JobQueue(store)
    session = queue.open_session(task, "another device", False, {})
    wanted = put(queue, student, "spent", task=task)
    job = take(queue, session, task=task)
    assert job.id == wanted.id, "nobody else may wait"
    for each in seconds:
        queue.add_run(job.id, session, replace(RUN, seconds=each, disturbed=disturbed))
    if judge:
        store.record(replace(REPORT, assignment=task, student=student, key="spent"), job.id)
    return job


def state(queue: JobQueue, job: Job) -> JobState:
    [found] = [each for each in queue.jobs() if each.id == job.id]
    return found.state


# --- what is kept ---


def test_every_field_of_a_run_comes_back(queue: JobQueue, session: int) -> None:
    put(queue, "ada")
    job = take(queue, session)
    other = replace(RUN, seed=0, outcome=Outcome.TIMEOUT, accuracy=None, train_seconds=None, disturbed="throttled")
    queue.add_run(job.id, session, RUN)
    queue.add_run(job.id, session, other)
    queue.add_run(None, session, replace(RUN, seed=7))
    [found] = queue.jobs(TASK)
    assert found.runs == (RUN, other)
    assert (found.session, found.device, found.state) == (session, DEVICE, JobState.RUNNING)
    assert queue.references(session) == [replace(RUN, seed=7)]
    assert queue.runs(job.id, session) == [RUN, other]


def test_curves_and_conditions_may_hold_nan_and_infinity(queue: JobQueue, session: int) -> None:
    curve = (CurvePoint(1.0, math.nan, None, 0.5), CurvePoint(2.0, math.inf, -math.inf, 1.0))
    conditions = {"loss": math.nan, "deep": [{"x": -math.inf}], "text": "nan", "nul": "a\0b"}
    queue.add_run(None, session, replace(RUN, curve=curve, conditions=conditions))
    [found] = queue.references(session)
    assert found.curve[0].loss is not None
    assert math.isnan(found.curve[0].loss)
    assert found.curve[1] == curve[1]
    assert math.isnan(found.conditions["loss"])
    assert found.conditions["deep"] == [{"x": -math.inf}]
    assert found.conditions["text"] == "nan"
    assert found.conditions["nul"] == "a\ufffdb"


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": math.nan},
        {"seconds": math.inf},
        {"seconds": -1.0},
        {"train_seconds": math.inf},
        {"accuracy": math.nan},
        {"accuracy": 1.5},
        {"accuracy": None},
    ],
)
def test_a_run_that_contradicts_itself_is_refused(queue: JobQueue, session: int, change: dict[str, float]) -> None:
    with pytest.raises(StoreError, match="contradicts itself"):
        queue.add_run(None, session, replace(RUN, **change))  # type: ignore[arg-type]
    assert queue.references(session) == []


def test_a_report_has_the_runs_of_its_job(store: Store, queue: JobQueue, session: int) -> None:
    put(queue, "ada")
    put(queue, "bob")
    runs = (RUN, replace(RUN, seed=3, disturbed="throttled", seconds=30.0), replace(RUN, seed=4))
    training = Training(runs, 0.96, 0.95, math.inf, 10.0, 20.0, 10.0, DEVICE, small=True)
    job = take(queue, session)
    for run in runs:
        queue.add_run(job.id, session, run)
    queue.trained(job.id)
    report = replace(REPORT, training=training)
    store.record(report, job.id)
    bob = take(queue, session)
    store.record(replace(REPORT, student="bob"), bob.id)
    assert store.latest(TASK) == [report, replace(REPORT, student="bob")]
    assert store.history(TASK, "ada") == [report]
    assert store.find(TASK, "ada", "k") == report
    assert [each.state for each in queue.jobs()] == [JobState.JUDGED, JobState.JUDGED]


def test_a_second_grading_keeps_the_first_ones_runs(store: Store, queue: JobQueue, session: int) -> None:
    reports = []
    for seed in (1, 2):
        put(queue, "ada", f"k{seed}")
        job = take(queue, session)
        queue.add_run(job.id, session, replace(RUN, seed=seed))
        training = Training((replace(RUN, seed=seed),), 0.96, 0.9, 1.0, 10.0, 20.0, 10.0, DEVICE)
        reports.append(replace(REPORT, key=f"k{seed}", training=training))
        store.record(reports[-1], job.id)
    assert store.history(TASK, "ada") == reports


def test_a_report_that_does_not_fit_its_job_is_refused_whole(store: Store, queue: JobQueue, session: int) -> None:
    waiting = put(queue, "ada")
    with pytest.raises(StoreError, match=r"ada/digits_mlp is queued, not running or trained"):
        store.record(REPORT, waiting.id)
    job = take(queue, session)
    with pytest.raises(StoreError, match=rf"Job {job.id} is of ada/digits_mlp/k, the report of bob/digits_mlp/k"):
        store.record(replace(REPORT, student="bob"), job.id)
    with pytest.raises(StoreError, match=r"the report of ada/digits_mlp/later"):
        store.record(replace(REPORT, key="later"), job.id)
    with pytest.raises(StoreError, match="holds no job 99"):
        store.record(REPORT, 99)
    with pytest.raises(StoreError, match="contradicts itself"):
        store.record(replace(REPORT, score=9.0), job.id)
    with pytest.raises(ValueError, match="recorded with the job"):
        store.record(replace(REPORT, training=Training((), None, None, None, 1.0, 1.0, 1.0, DEVICE)))
    assert store.latest() == []
    assert state(queue, job) is JobState.RUNNING
    store.record(REPORT, job.id)
    with pytest.raises(StoreError, match="is judged"):
        store.record(REPORT, job.id)
    assert store.history(TASK, "ada") == [REPORT]


# --- handing in ---


def test_the_same_content_is_queued_once_until_it_is_judged(store: Store, queue: JobQueue, session: int) -> None:
    before = datetime.now(UTC)
    job = put(queue, "ada")
    assert before <= job.queued_at <= datetime.now(UTC)
    assert (job.state, job.key, job.device, job.session, job.runs) == (JobState.QUEUED, "k", "", None, ())
    assert put(queue, "ada") == job
    take(queue, session)
    assert put(queue, "ada").id == job.id
    queue.trained(job.id)
    assert put(queue, "ada").id == job.id
    store.record(REPORT, job.id)
    assert put(queue, "ada").id != job.id


def test_later_content_replaces_what_waits(queue: JobQueue, session: int) -> None:
    others = [put(queue, "bob"), put(queue, "ada", task="cifar10_cnn"), put(queue, "ada", small=True)]
    old, new = put(queue, "ada", "old"), put(queue, "ada", "new")
    [cancelled] = queue.jobs(states=[JobState.CANCELLED])
    assert (cancelled.id, cancelled.reason) == (old.id, "replaced by a later submission")
    assert queue.jobs(states=[JobState.QUEUED]) == [*others, new]
    assert take(queue, session).student == "bob"
    assert take(queue, session) == queue.jobs(states=[JobState.RUNNING])[1]
    assert queue.take(TASK, False, DEVICE, session) is None


def test_going_back_to_what_runs_now_takes_back_what_waits(queue: JobQueue, session: int) -> None:
    first = put(queue, "ada", "first")
    take(queue, session)
    second = put(queue, "ada", "second")
    assert put(queue, "ada", "first").id == first.id
    assert state(queue, second) is JobState.CANCELLED


def test_marks_come_in_the_order_of_hand_ins(store: Store, queue: JobQueue, session: int) -> None:
    first = put(queue, "ada", "first")
    take(queue, session)
    second = put(queue, "ada", "second")
    bob = put(queue, "bob")
    for _ in range(2):
        assert [job.id for job in queue.in_order(TASK)] == [bob.id, second.id]
        if state(queue, first) is JobState.RUNNING:
            queue.trained(first.id)
    assert take(queue, session).id == bob.id
    assert queue.take(TASK, False, DEVICE, session) is None
    store.record(replace(REPORT, key="first"), first.id)
    assert take(queue, session).id == second.id


def test_a_budget_that_is_used_up(store: Store, queue: JobQueue) -> None:
    spend(store, "ada", 40.0, 30.0)
    spend(store, "ada", 500.0, task="cifar10_cnn")
    assert queue.enqueue(TASK, "bob", "k", small=False, budget_seconds=60).state is JobState.QUEUED
    refused = queue.enqueue(TASK, "ada", "k", small=False, budget_seconds=60)
    assert refused.state is JobState.OVER_BUDGET
    assert refused.reason == "70 s of the 60 s of device time for this task are used up"
    again = queue.enqueue(TASK, "ada", "k", small=False, budget_seconds=65)
    assert (again.id, again.state) == (refused.id, JobState.OVER_BUDGET)
    assert "65 s" in again.reason
    assert [job.student for job in queue.in_order(TASK)] == ["bob"]
    allowed = queue.enqueue(TASK, "ada", "k", small=False, budget_seconds=71)
    assert (allowed.id, allowed.state, allowed.reason) == (refused.id, JobState.QUEUED, "")


def test_disturbed_runs_are_not_charged(store: Store, queue: JobQueue) -> None:
    spend(store, "ada", 40.0, disturbed="another process computed")
    spend(store, "ada", 5.0, 2.5)
    spend(store, "ada", 100.0, task="cifar10_cnn")
    assert queue.used_seconds("ada", TASK) == 7.5
    assert queue.used_seconds("ada") == 107.5
    assert queue.used_seconds("nobody") == 0.0


# --- whose turn it is ---


def test_least_device_seconds_first_then_oldest(store: Store, queue: JobQueue, session: int) -> None:
    spend(store, "ann", 50.0)
    spend(store, "bob", 20.0, task="cifar10_cnn")
    spend(store, "eve", 90.0, disturbed="throttled")
    for student in ("ann", "bob", "cyd", "dan", "eve"):
        put(queue, student)
    order = [job.student for job in queue.in_order(TASK)]
    assert order == ["cyd", "dan", "eve", "bob", "ann"]
    assert [take(queue, session).student for _ in order] == order
    assert queue.in_order(TASK) == []


def test_the_order_follows_the_runs_that_come_in(queue: JobQueue, session: int) -> None:
    put(queue, "ada", task="cifar10_cnn")
    put(queue, "ada")
    put(queue, "bob")
    cifar = queue.open_session("cifar10_cnn", "cuda-0", False, {})
    job = take(queue, cifar, task="cifar10_cnn")
    assert [each.student for each in queue.in_order(TASK)] == ["ada", "bob"]
    queue.add_run(job.id, cifar, RUN)
    assert [each.student for each in queue.in_order(TASK)] == ["bob", "ada"]
    assert take(queue, session).student == "bob"


def test_only_the_task_and_the_variant_that_is_asked_for(queue: JobQueue, session: int) -> None:
    put(queue, "ada", small=True)
    put(queue, "bob", task="cifar10_cnn")
    assert queue.take(TASK, False, DEVICE, session) is None
    assert [job.student for job in queue.in_order(TASK, small=True)] == ["ada"]
    assert queue.in_order(TASK, small=False) == []
    small = queue.open_session(TASK, DEVICE, True, {})
    assert take(queue, small, small=True).student == "ada"


def test_the_expected_seconds_are_the_mean_of_what_was_judged(store: Store, queue: JobQueue) -> None:
    assert queue.expected_seconds(TASK) is None
    spend(store, "ada", 10.0, 20.0)
    spend(store, "bob", 40.0)
    spend(store, "bob", 10.0, disturbed="throttled")
    spend(store, "cyd")  # judged without a run: no measure of what a run takes
    spend(store, "dan", 500.0, judge=False)
    spend(store, "eve", 500.0, task="cifar10_cnn")
    assert queue.expected_seconds(TASK) == pytest.approx(80 / 3)
    assert queue.expected_seconds(TASK, small=False) == pytest.approx(80 / 3)
    assert queue.expected_seconds(TASK, small=True) is None


def test_only_jobs_that_are_named(queue: JobQueue, session: int) -> None:
    jobs = [put(queue, student) for student in ("ann", "bob", "cyd")]
    assert queue.take(TASK, False, DEVICE, session, []) is None
    named = [jobs[2].id, jobs[1].id]
    for job in jobs[1:]:
        taken = queue.take(TASK, False, DEVICE, session, named)
        assert taken is not None
        assert taken.id == job.id
    assert queue.take(TASK, False, DEVICE, session, named) is None


def test_it_is_the_queue_that_the_runner_asks_for() -> None:
    for name, method in inspect.getmembers(ports.Queue, inspect.isfunction):
        if not name.startswith("_"):
            asked = inspect.signature(method).parameters
            assert list(inspect.signature(getattr(JobQueue, name)).parameters) == list(asked), name


# --- cancelling and giving back ---


def test_cancel_takes_what_waits_and_tells_what_is_under_way(queue: JobQueue, session: int) -> None:
    running, trained = put(queue, "ann"), put(queue, "bob")
    take(queue, session), take(queue, session)
    queue.trained(trained.id)
    waiting, other = put(queue, "cyd"), put(queue, "cyd", task="cifar10_cnn")
    assert queue.cancel(student="nobody").jobs == ()
    result = queue.cancel(assignment=TASK)
    assert [job.id for job in result.jobs] == [waiting.id]
    assert result.jobs[0].state is JobState.CANCELLED
    assert result.jobs[0].reason == "cancelled by the instructor"
    assert [job.id for job in result.under_way] == [running.id, trained.id]
    assert (state(queue, running), state(queue, trained)) == (JobState.RUNNING, JobState.TRAINED)
    assert queue.cancel(ids=[waiting.id, running.id]).jobs == (), "once is enough"
    assert queue.cancel(student="cyd", ids=[running.id]).under_way == ()
    assert [job.id for job in queue.cancel().jobs] == [other.id]
    assert queue.take(TASK, False, DEVICE, session) is None


def test_a_job_given_back_keeps_its_runs_and_its_place(queue: JobQueue, session: int) -> None:
    first = put(queue, "ann")
    put(queue, "bob")
    job = take(queue, session)
    queue.add_run(job.id, session, replace(RUN, seconds=0.0))
    queue.requeue(job.id)
    back = queue.in_order(TASK)[0]
    assert (back.id, back.state, back.runs) == (first.id, JobState.QUEUED, (replace(RUN, seconds=0.0),))
    assert queue.take(TASK, False, "cpu-1", session) == replace(back, state=JobState.RUNNING, device="cpu-1")
    queue.trained(first.id)
    queue.requeue(first.id)
    assert state(queue, first) is JobState.QUEUED
    with pytest.raises(StoreError, match="is queued, not running or trained"):
        queue.requeue(first.id)


def test_runs_are_told_apart_by_session_and_keep_their_order(queue: JobQueue) -> None:
    put(queue, "ada")
    later, earlier = (queue.open_session(TASK, device, False, {}) for device in ("cuda-1", "cuda-0"))
    runs = [replace(RUN, seed=seed) for seed in range(4)]
    for session, made in ((earlier, runs[:2]), (later, runs[2:])):
        job = take(queue, session)
        for run in made:
            queue.add_run(job.id, session, run)
        queue.requeue(job.id)
    [job] = queue.jobs()
    assert list(job.runs) == runs
    assert job.session == later
    assert queue.runs(job.id, earlier) == runs[:2]
    assert queue.runs(job.id, later) == runs[2:]


def test_what_is_given_back_yields_to_what_was_handed_in_since(queue: JobQueue, session: int) -> None:
    old = put(queue, "ada", "old")
    take(queue, session)
    new = put(queue, "ada", "new")
    queue.requeue(old.id)
    [back] = queue.jobs(states=[JobState.CANCELLED])
    assert (back.state, back.reason) == (JobState.CANCELLED, "replaced by a later submission")
    assert take(queue, session).id == new.id


def test_what_waits_in_the_other_variant_replaces_nothing(queue: JobQueue, session: int) -> None:
    job = put(queue, "ada")
    take(queue, session)
    put(queue, "ada", small=True)
    queue.requeue(job.id)
    assert state(queue, job) is JobState.QUEUED


def test_only_the_jobs_of_the_device_are_taken_back(queue: JobQueue, session: int) -> None:
    for student in ("ann", "bob", "cyd"):
        put(queue, student)
    mine, trained = take(queue, session), take(queue, session)
    queue.trained(trained.id)
    elsewhere = queue.take(TASK, False, "cuda-1", session)
    assert elsewhere is not None
    assert [job.id for job in queue.take_back(DEVICE)] == [mine.id]
    assert queue.take_back(DEVICE) == []
    states = [job.state for job in queue.jobs()]
    assert states == [JobState.QUEUED, JobState.TRAINED, JobState.RUNNING]


def test_a_runner_whose_job_was_taken_over_is_refused(queue: JobQueue, session: int) -> None:
    put(queue, "ada")
    job = take(queue, session)
    queue.take_back(DEVICE)
    with pytest.raises(StoreError, match="is queued, not running"):
        queue.add_run(job.id, session, RUN)
    second = queue.open_session(TASK, DEVICE, False, {})
    take(queue, second)
    with pytest.raises(StoreError, match=rf"runs in session {second}, not in {session}") as caught:
        queue.add_run(job.id, session, RUN)
    assert "another runner" in caught.value.remedy
    queue.trained(job.id)
    with pytest.raises(StoreError, match="is trained, not running"):
        queue.trained(job.id)
    assert queue.jobs()[0].runs == ()


def test_a_job_that_does_not_exist(queue: JobQueue, session: int) -> None:
    for step in (lambda: queue.add_run(5, session, RUN), lambda: queue.trained(5), lambda: queue.requeue(5)):
        with pytest.raises(StoreError, match="holds no job 5") as caught:
            step()
        assert "grader gpu queue" in caught.value.remedy


# --- sessions ---


def test_seeds_are_logged_when_a_session_ends(queue: JobQueue) -> None:
    session = queue.open_session(TASK, DEVICE, True, {"key": "abc", "torch": "2.13", "load": math.inf})
    opened = queue.session(session)
    assert (opened.assignment, opened.device, opened.small) == (TASK, DEVICE, True)
    assert opened.info == {"key": "abc", "torch": "2.13", "load": math.inf}
    assert (opened.seeds, opened.ended_at) == (None, None)
    queue.close_session(session, [2**63 - 1, 5])
    closed = queue.session(session)
    assert closed.seeds == (2**63 - 1, 5)
    assert closed.ended_at is not None
    assert closed.ended_at >= closed.started_at
    for step in (lambda: queue.close_session(session, [1]), lambda: queue.add_run(None, session, RUN)):
        with pytest.raises(StoreError, match=f"Session {session} has ended"):
            step()
    put(queue, "ada", small=True)
    with pytest.raises(StoreError, match=f"Session {session} has ended"):
        queue.take(TASK, True, DEVICE, session)
    with pytest.raises(StoreError, match="There is no session 77"):
        queue.take(TASK, True, DEVICE, 77)
    with pytest.raises(StoreError, match="There is no session 77"):
        queue.session(77)
    assert queue.session(session) == closed


def test_a_session_that_was_cut_off_is_judged_and_closed_later(store: Store, queue: JobQueue, session: int) -> None:
    for student in ("ann", "bob", "cyd"):
        put(queue, student)
    queue.add_run(None, session, replace(RUN, seed=11))
    trained = [take(queue, session), take(queue, session)]
    for job, seed in zip(trained, (11, 12), strict=True):
        queue.add_run(job.id, session, replace(RUN, seed=seed))
        queue.trained(job.id)
    queue.open_session(TASK, "cuda-7", False, {})
    done = queue.open_session(TASK, DEVICE, False, {})
    queue.close_session(done, [])
    assert queue.unfinished_sessions(DEVICE) == [session]
    assert [job.id for job in queue.trained_jobs(session)] == [job.id for job in trained]
    with pytest.raises(StoreError, match=f"cannot end: job {trained[0].id} has no verdict yet"):
        queue.close_session(session, None)
    for job in trained:
        store.record(replace(REPORT, student=job.student), job.id)
    assert queue.trained_jobs(session) == []
    queue.close_session(session, None)
    assert queue.unfinished_sessions(DEVICE) == []
    assert queue.session(session).seeds == (11, 12)


# --- several at once, and killed ---

CLAIMER = """
import sys
from grader.store.database import Store
from grader.store.queue import JobQueue

url, session = sys.argv[1], int(sys.argv[2])
with Store(url) as store:
    queue = JobQueue(store)
    print("ready", flush=True)
    sys.stdin.readline()
    while (job := queue.take("digits_mlp", False, f"cpu-{session}", session)) is not None:
        print(job.id, flush=True)
        queue.trained(job.id)
"""


def test_processes_that_claim_at_once_get_each_job_once(any_url: str, queue: JobQueue) -> None:
    jobs = [put(queue, f"student{number}").id for number in range(200)]
    sessions = [queue.open_session(TASK, f"cpu-{number}", False, {}) for number in (1, 2)]
    claimers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, any_url, str(session)], stdin=-1, stdout=-1, stderr=-1, text=True
        )
        for session in sessions
    ]
    for claimer in claimers:
        assert claimer.stdout is not None
        assert claimer.stdout.readline() == "ready\n"
    for claimer in claimers:
        assert claimer.stdin is not None
        claimer.stdin.write("go\n")
        claimer.stdin.flush()
    claimed = []
    for claimer in claimers:
        output, errors = claimer.communicate(timeout=120)
        assert claimer.returncode == 0, errors
        claimed.append([int(line) for line in output.split()])
    assert Counter(claimed[0] + claimed[1]) == Counter(jobs)
    for session, mine in zip(sessions, claimed, strict=True):
        assert [job.id for job in queue.trained_jobs(session)] == sorted(mine)


def test_threads_that_claim_and_hand_in_at_once(queue: JobQueue, session: int) -> None:
    students = [f"student{number}" for number in range(30)]
    claimed: list[int] = []
    problems: list[BaseException] = []
    together = threading.Barrier(6)

    def hand_in() -> None:
        for student in students:
            put(queue, student)

    def claim() -> None:
        while (job := queue.take(TASK, False, DEVICE, session)) is not None:
            claimed.append(job.id)
            queue.add_run(job.id, session, RUN)

    def guarded(work: object) -> None:
        try:
            together.wait(30)
            assert callable(work)
            work()
        except BaseException as error:
            problems.append(error)

    threads = [
        threading.Thread(target=guarded, args=(work,)) for work in (hand_in, hand_in, hand_in, claim, claim, claim)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []
    claim()
    jobs = queue.jobs()
    assert sorted(job.student for job in jobs) == sorted(students), "each student is queued once"
    assert sorted(claimed) == [job.id for job in jobs]
    assert all(job.runs == (RUN,) for job in jobs)


KILLED = """
import os, signal, sys
from sqlalchemy import event
from grader.model import GradeReport, Outcome, Status, TrainingRun
from grader.store.database import Store
from grader.store.queue import JobQueue

url, session, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
inside = sys.argv[4] == "inside"  # killed within the last transaction, when all is written and nothing committed

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

with Store(url) as store:
    queue = JobQueue(store)
    run = TrainingRun(1, Outcome.PASSED, 10.0, 0.9, 100, "cpu-0")
    job_id = queue.jobs()[0].id
    work = [
        lambda: queue.take("digits_mlp", False, "cpu-0", session),
        lambda: queue.add_run(job_id, session, run),
        lambda: queue.trained(job_id),
        lambda: store.record(GradeReport("digits_mlp", "ada", Status.GRADED, 1.0, 1.0, key="k"), job_id),
    ]
    for number, step in enumerate(work[:steps], 1):
        if inside and number == steps:
            event.listen(store._engine, "commit", die)
        step()
    die()
"""
STATES = [JobState.QUEUED, JobState.RUNNING, JobState.RUNNING, JobState.TRAINED, JobState.JUDGED]


@pytest.mark.parametrize("where", ["inside", "after"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_runner_killed_at_any_step_loses_nothing(
    any_url: str, store: Store, queue: JobQueue, session: int, steps: int, where: str
) -> None:
    put(queue, "ada")
    command = [sys.executable, "-c", KILLED, any_url, str(session), str(steps), where]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert killed.returncode == -9, killed.stderr
    done = steps - (where == "inside")  # steps that were committed
    [job] = queue.jobs()
    assert (job.state, len(job.runs)) == (STATES[done], int(done >= 2))

    # The next one, who holds the device's lock now, brings it to its end: one run, one grading.
    queue.take_back(DEVICE)
    [cut_off] = queue.unfinished_sessions(DEVICE)
    new = queue.open_session(TASK, DEVICE, False, {})
    again = queue.take(TASK, False, DEVICE, new)
    assert (again is not None) == (done < 3)
    if again is not None:
        if not again.runs:
            queue.add_run(again.id, new, replace(RUN, seed=1))
        queue.trained(again.id)
    for number in (cut_off, new):
        for each in queue.trained_jobs(number):
            store.record(replace(REPORT, student=each.student), each.id)
        queue.close_session(number, None)
    [job] = queue.jobs()
    assert (job.state, [run.seed for run in job.runs]) == (JobState.JUDGED, [1])
    assert len(store.history(TASK, "ada")) == 1
    assert queue.unfinished_sessions(DEVICE) == []


def test_a_queue_that_is_only_read(any_url: str, queue: JobQueue, session: int) -> None:
    job = put(queue, "ada")
    with Store(any_url, read_only=True) as reader:
        assert JobQueue(reader).jobs() == [job]
        assert JobQueue(reader).in_order(TASK) == [job]


def test_any_name_and_key_can_be_queued(store: Store, queue: JobQueue, session: int) -> None:
    name, stored = "o'hara \0 \ud800 \N{SNOWMAN}", "o'hara \ufffd \ufffd \N{SNOWMAN}"
    job = put(queue, name, "k\0")
    assert put(queue, name, "k\0") == job
    assert (job.student, job.key) == (stored, "k\ufffd")
    take(queue, session)
    queue.add_run(job.id, session, RUN)
    assert queue.used_seconds(name, TASK) == 10.0
    assert [each.id for each in queue.cancel(student=name).under_way] == [job.id]
    store.record(replace(REPORT, student=name, key="k\0"), job.id)
    assert [report.student for report in store.latest(student=name)] == [stored]
