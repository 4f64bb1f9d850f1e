"""``grader gpu run`` stopped in the midst of a run, and two of them at once: nothing is lost, nothing is run twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.courses.timed_tools import (
    RIGHT,
    TAKES_A_SECOND,
    TASK,
    alone,
    edit,
    hand_in_timed,
    make_timed_course,
    runs_by_student,
)
from tests.functional.courses.tools import (
    IN_THE_CALL,
    all_gone,
    await_that,
    descendants,
    grader,
    name_of,
    start,
    stored,
)

CLASS = {"a": RIGHT, "b": TAKES_A_SECOND, "c": RIGHT}  # in the order of their turns


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_timed_course(tmp_path)
    for student, code in CLASS.items():
        hand_in_timed(root, student, code)
    # So that exactly three runs settle each verdict, and none is late because this machine is busy.
    edit(root, "max_seeds = 4", "max_seeds = 3")
    edit(root, "floor_seconds = 3.0", "floor_seconds = 600.0")
    return root


@pytest.fixture
def under_way(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of the class that has trained ``a`` and, once, ``b``, and trains ``b`` again."""
    process = start(root, "gpu", "run", env=alone(root))
    try:
        await_that(lambda: runs_by_student(root)["b"], process)
        await_that(lambda: any(name_of(pid) == IN_THE_CALL for pid in descendants(process.pid)), process)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def states(root: Path) -> dict[str, str]:
    listed = grader(root, "gpu", "queue", "--all", "--json")
    assert listed.returncode == 0, listed.stderr
    return {row["student"]: row["state"] for row in json.loads(listed.stdout)}


def resumes(root: Path) -> None:
    """Run it again: what was left is done, each submission has its three runs and one mark."""
    before = runs_by_student(root)
    assert before["a"] == 3
    assert 1 <= before["b"] <= 3
    again = grader(root, "gpu", "run", env=alone(root))
    assert again.returncode == 0, again.stderr
    assert "3 graded now, 0 unchanged since the last time." in again.stderr
    runs = runs_by_student(root)
    assert {student: runs[student] for student in CLASS} == {"a": 3, "b": 3, "c": 3}
    assert {student: report.score for (_, student), report in stored(root).items()} == {"a": 10, "b": 10, "c": 10}
    assert states(root) == {"a": "judged", "b": "judged", "c": "judged"}


def test_kill_9(root: Path, under_way: subprocess.Popen[str]) -> None:
    family = descendants(under_way.pid)
    under_way.kill()
    under_way.communicate()
    await_that(lambda: all_gone(family))
    assert stored(root) == {}
    assert states(root) == {"a": "trained", "b": "running", "c": "queued"}
    resumes(root)


def test_control_c(root: Path, under_way: subprocess.Popen[str]) -> None:
    family = descendants(under_way.pid)
    os.killpg(under_way.pid, signal.SIGINT)  # as a terminal does
    out, err = under_way.communicate(timeout=60)
    assert under_way.returncode == 2
    assert all_gone(family)
    assert "interrupted: 0 of 3 are graded and stored; run it again for the rest." in err
    assert "Traceback" not in out + err
    assert states(root) == {"a": "queued", "b": "queued", "c": "queued"}
    resumes(root)


def test_sigterm(root: Path, under_way: subprocess.Popen[str]) -> None:
    family = descendants(under_way.pid)
    under_way.terminate()
    _, err = under_way.communicate(timeout=60)
    assert under_way.returncode == 2
    assert all_gone(family)
    assert "Traceback" not in err
    assert runs_by_student(root)["a"] == 3


def test_two_at_once_share_the_work(root: Path, under_way: subprocess.Popen[str]) -> None:
    under_way.send_signal(signal.SIGSTOP)  # it holds the device until the other has met its lock
    second = start(root, "gpu", "run", "--json", env=alone(root))
    try:
        line = second.stderr.readline() if second.stderr else ""
        assert "in use" in line
        assert "waiting for it" in line
    finally:
        under_way.send_signal(signal.SIGCONT)
    _, err = under_way.communicate(timeout=120)
    assert under_way.returncode == 0, err
    out, err = second.communicate(timeout=120)
    assert second.returncode == 0, err
    assert "Traceback" not in err
    runs = runs_by_student(root)
    assert {student: runs[student] for student in CLASS} == {"a": 3, "b": 3, "c": 3}
    assert {each["student"]: each["score"] for each in json.loads(out)} == {"a": 10, "b": 10, "c": 10}
    assert states(root) == {"a": "judged", "b": "judged", "c": "judged"}


# The queue ------------------------------------------------------------------------------------------------------------


def test_the_queue_while_it_is_worked_off(root: Path, under_way: subprocess.Popen[str]) -> None:
    under_way.send_signal(signal.SIGSTOP)
    listed = grader(root, "gpu", "queue")
    assert listed.returncode == 0
    rows = [line.split() for line in listed.stdout.splitlines()[2:]]
    assert [(row[1], row[2], row[3]) for row in rows] == [
        (TASK, "a", "trained"),
        (TASK, "b", "running"),
        (TASK, "c", "queued"),
    ]
    assert "cpu-0" in rows[1]
    nobody = grader(root, "gpu", "cancel", "--student", "a", "--yes")
    assert (nobody.returncode, nobody.stdout) == (0, "0 cancelled.\n")
    unsure = grader(root, "gpu", "cancel")
    assert unsure.returncode != 0  # nobody is there to say yes
    assert states(root)["c"] == "queued"
    one = grader(root, "gpu", "cancel", TASK, "--yes")
    assert (one.returncode, one.stdout) == (0, "1 cancelled.\n")
    assert states(root)["c"] == "cancelled"
    under_way.send_signal(signal.SIGCONT)
    _, err = under_way.communicate(timeout=120)
    assert under_way.returncode == 2
    assert "c/means: job 3 was taken out of the queue: cancelled by the instructor" in err
    assert "Traceback" not in err
    assert grader(root, "gpu", "run", env=alone(root)).returncode == 0
    assert runs_by_student(root)["c"] == 3
