"""Timed tasks with ``--engine ray``: two nodes that claim GPUs, one of them lost half-way; and the command line."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpu_runner.datasets import Pool, load_pool
from gpu_runner.devices import find_devices
from gpu_runner.local import Work
from gpu_runner.ports import Began, Ended, Event, Failed, Judged
from gpu_runner.ray_engine import work_off_on_ray
from gpu_runner.session import TimedTask
from grader.errors import InfrastructureError, UsageError
from grader.model import GradeReport, Job, JobState, Outcome, Status, SubmissionFiles
from grader.sandbox import open_sandbox
from grader.store.database import Store
from grader.store.queue import JobQueue
from tests.fakes.device import CENTROIDS, handed_in, quick, stripes, task
from tests.functional.courses.timed_tools import (
    RIGHT,
    TAKES_A_SECOND,
    TASK,
    alone,
    hand_in_timed,
    make_timed_course,
    runs_by_student,
)
from tests.functional.courses.tools import all_gone, await_that, descendants, grader, start, stored
from tests.functional.machines import Machines
from tests.functional.test_gpu_run_real import LIMITS as LIMITS_ON_GPU
from tests.functional.test_gpu_run_real import RULES as RULES_ON_GPU
from tests.functional.test_gpu_run_real import TRAINS as TRAINS_ON_GPU

pytest.importorskip("ray", reason="Ray is an extra: pip install 'dl-course-grader[ray]'")

STUDENTS = "abcdef"
RAISES = (
    "def train(images, labels, *, seed, device):\n    raise RuntimeError('no')\n\ndef predict(model, images): ...\n"
)
# A floor that no run exceeds, however busy this machine is: nothing is void, and three runs each will do.
RULES = quick(floor_seconds=60.0, reference_every=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'results.sqlite'}") as opened:
        yield opened


class Class:
    """A queue with a job of each student; what "b" hands in raises."""

    def __init__(
        self, store: Store, timed: TimedTask | None = None, pool: Pool | None = None, right: str = CENTROIDS
    ) -> None:
        self.queue = JobQueue(store)
        self.jobs = [
            self.queue.enqueue("stripes", each, f"of {each}", small=False, budget_seconds=1e9) for each in STUDENTS
        ]
        self.reports: list[GradeReport] = []

        def judge(job: Job, training: Any) -> None:
            self.reports.append(
                GradeReport("stripes", job.student, Status.GRADED, 8.0, 8.0, key=job.key, training=training)
            )
            store.record(self.reports[-1], job.id)

        def read(job: Job) -> SubmissionFiles:
            return handed_in(RAISES if job.student == "b" else right)

        among = [job.id for job in self.jobs]
        sandbox = functools.partial(open_sandbox, "bubblewrap")
        self.work = Work(timed or task(RULES), pool or stripes(), sandbox, among, read, judge)

    def is_settled(self, sessions: int) -> None:
        """Every job is judged once, by runs that are all different; every session has ended."""
        jobs = {job.student: job for job in self.queue.jobs()}
        assert {student: job.state for student, job in jobs.items()} == dict.fromkeys(STUDENTS, JobState.JUDGED)
        assert sorted(report.student for report in self.reports) == list(STUDENTS)
        for report in self.reports:
            assert report.training is not None
            runs = jobs[report.student].runs
            assert report.training.runs == runs
            assert (
                len({run.seed for run in runs})
                == len(runs)
                == (1 if report.student == "b" else self.work.task.timed.seeds)
            )
            assert {run.outcome for run in runs} == {Outcome.ERROR if report.student == "b" else Outcome.PASSED}
        for number in range(1, sessions + 1):
            assert self.queue.session(number).seeds is not None
            assert self.queue.references(number)


@pytest.mark.slow  # 25 s, most of it to start three nodes
@pytest.mark.parametrize("machines", [{"count": 2, "gpus": 1}], indirect=True)
def test_a_node_is_lost_half_way(store: Store, machines: Machines) -> None:
    """Both nodes have trained submissions when one is switched off; everybody is judged once, and no run is lost.

    The nodes claim a GPU each, which they have not: the workers claim it of Ray and train on the CPU.
    """
    group = Class(store)
    events: list[Event] = []
    lost: list[int] = []

    def receive(event: Event) -> None:
        events.append(event)
        at_work = {each.device for each in events if isinstance(each, Ended) and each.student}
        if not lost and len(at_work) == 2:
            lost.extend(machines.switch_off(0, workers=True))

    work_off_on_ray(group.work, group.queue, receive, address=machines.cluster.address, kind="cpu", gpus=1.0)
    assert lost
    begun = Counter(event.student for event in events if isinstance(event, Began) and event.student)
    assert max(begun.values()) == 2, "the other node has gone on with what the lost one was at"
    assert not any(isinstance(event, Failed) for event in events)
    assert Counter(event.job.student for event in events if isinstance(event, Judged)) == dict.fromkeys(STUDENTS, 1)
    told = Counter(event.student for event in events if isinstance(event, Ended) and event.student)
    assert told == {job.student: len(job.runs) for job in group.queue.jobs()}
    group.is_settled(sessions=2)
    await_that(lambda: all_gone(lost))


@pytest.mark.slow  # 25 s: to start two nodes, and to wait for another one
@pytest.mark.parametrize("machines", [{"count": 1, "gpus": 1}], indirect=True)
def test_the_only_node_is_lost(store: Store, machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever; what is in stays, and the rest is queued."""
    monkeypatch.setattr("grader.cluster.pool.run_pool.__kwdefaults__", {"start_seconds": 12.0})
    group = Class(store)
    runs: list[Event] = []

    def receive(event: Event) -> None:
        if isinstance(event, Ended) and event.student:
            runs.append(event)
            if len(runs) == 2:
                machines.switch_off(0, workers=True)

    with pytest.raises(InfrastructureError, match="no worker"):
        work_off_on_ray(group.work, group.queue, receive, address=machines.cluster.address, kind="cpu", gpus=1.0)
    jobs = group.queue.jobs()
    assert {job.state for job in jobs} == {JobState.QUEUED}
    assert sum(len(job.runs) for job in jobs) == len(runs) == 2
    assert group.queue.session(1).seeds is not None


@pytest.mark.gpu
def test_two_workers_share_a_gpu(store: Store) -> None:
    """Each computes on it alone, so nothing is disturbed, and each has a session of its own."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if torch.version.cuda is None:
        pytest.skip("this PyTorch is built without CUDA")
    try:
        [gpu] = find_devices("cuda", 1)
    except InfrastructureError as error:
        pytest.skip(f"no CUDA device: {error.what}")
    rules = replace(RULES_ON_GPU, gpu_share=0.5, reference_every=2)
    timed = TimedTask("stripes", rules, LIMITS_ON_GPU, handed_in(TRAINS_ON_GPU))
    group = Class(store, timed, load_pool("digits", None), TRAINS_ON_GPU)
    events: list[Event] = []
    work_off_on_ray(group.work, group.queue, events.append, kind="cuda", workers=2)
    assert [event.error for event in events if isinstance(event, Failed)] == []
    group.is_settled(sessions=2)
    jobs = group.queue.jobs()
    assert {job.device for job in jobs} == {f"{gpu.name}, share {number} of 2" for number in (1, 2)}
    assert all(run.conditions["model"] == gpu.model for job in jobs for run in job.runs)


def test_an_address_that_cannot_be_used(store: Store) -> None:
    group = Class(store)
    with pytest.raises(UsageError, match="remote client"):
        work_off_on_ray(group.work, group.queue, pytest.fail, address="ray://head:10001")
    assert {job.state for job in group.queue.jobs()} == {JobState.QUEUED}


@pytest.mark.slow  # 40 s: Ray starts twice, for the visible tests and for the training
def test_the_command_with_a_cluster_of_its_own(tmp_path: Path) -> None:
    root = make_timed_course(tmp_path)
    for student in ("ada", "bob"):
        hand_in_timed(root, student, RIGHT)
    variables = alone(root)
    variables.pop("RAY_ADDRESS", None)
    result = grader(root, "gpu", "run", "--engine", "ray", "--device", "cpu", "--json", env=variables)
    assert result.returncode == 0, result.stderr
    assert {each["student"]: each["score"] for each in json.loads(result.stdout)} == {"ada": 10.0, "bob": 10.0}
    counted = runs_by_student(root)
    assert (counted["ada"], counted["bob"]) == (3, 3)
    again = grader(root, "gpu", "run")
    assert (again.returncode, again.stderr) == (0, "0 graded now, 2 unchanged since the last time.\n")


@pytest.mark.slow  # 40 s: Ray starts twice
def test_sigterm_ends_the_cluster_and_keeps_the_queue(tmp_path: Path) -> None:
    root = make_timed_course(tmp_path)
    hand_in_timed(root, "ada", TAKES_A_SECOND)
    process = start(root, "gpu", "run", "--engine", "ray", "--device", "cpu", env=alone(root, TMPDIR=str(tmp_path)))
    await_that(lambda: runs_by_student(root)["ada"] == 1, process)
    seen = descendants(process.pid)
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "Traceback" not in err
    await_that(lambda: all_gone(seen))
    assert stored(root) == {}
    result = grader(root, "gpu", "run", "--device", "cpu", env=alone(root))
    assert result.returncode == 0, result.stderr
    [report] = stored(root).values()
    assert report.score == 10.0
    assert report.training is not None
    assert len(report.training.runs) == runs_by_student(root)["ada"] == 3
    assert report.assignment == TASK
