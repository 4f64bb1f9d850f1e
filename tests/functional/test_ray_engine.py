"""``--engine ray``: the same marks as here, also where a machine is lost half-way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grader.course import load_course, read_suites
from grader.errors import InfrastructureError, UsageError
from grader.grading.pipeline import Event, Failure, Settings, run_plan
from grader.grading.plan import Plan, find_submissions, make_plan, make_task
from grader.grading.ray_engine import run_plan_on_ray
from grader.model import GradeReport
from tests.functional.courses.students import RIGHT, but
from tests.functional.courses.tools import (
    all_gone,
    await_that,
    descendants,
    environment,
    grader,
    hand_in,
    make_course,
    name_of,
    start,
    stored,
)
from tests.functional.machines import Machines

pytest.importorskip("ray", reason="Ray is an extra: pip install 'dl-course-grader[ray]'")

DOUBLE = "def double(x):\n    return 2 * x\n"
# Student -> what they hand in for "tiny"; everybody is right in "second".
CLASS = {
    "a": RIGHT,
    "b": but("def mean(x):\n    return 0.0\n"),
    "c": but("def root(a):\n    return float(a) ** 0.5\n"),
    "d": "def mean(x:\n",
    "e": "\0",
    "f": but("def power(base, exponent):\n    raise RuntimeError('no')\n"),
}


def make_class(folder: Path) -> Path:
    root = make_course(folder)
    for student, source in CLASS.items():
        hand_in(root, student, {"tiny.py": source})
        hand_in(root, student, {"second.py": DOUBLE}, "second")
    return root


def plan_of(root: Path) -> tuple[Plan, Settings]:
    course = load_course(root)
    submissions, _ = find_submissions(
        course, root / "submitted", course.assignments, named=False, student=None, now=datetime.now(UTC)
    )
    tasks = {each.name: make_task(course, each, read_suites(each), "bubblewrap") for each in course.assignments}
    return make_plan(tasks, submissions, [], lambda *_: False), Settings(course.seed, "bubblewrap", 2)


def comparable(events: list[Event]) -> list[GradeReport]:
    """All that is not measured; every event must be a report."""
    reports = [each for each in events if isinstance(each, GradeReport)]
    assert len(reports) == len(events)
    timeless = [
        replace(each, seconds=0.0, tests=tuple(replace(test, seconds=0.0) for test in each.tests)) for each in reports
    ]
    return sorted(timeless, key=lambda report: (report.assignment, report.student))


@pytest.mark.slow  # 25 s, most of it to start three nodes
@pytest.mark.parametrize("machines", [{"count": 2}], indirect=True)
def test_a_machine_is_lost_half_way(tmp_path: Path, machines: Machines) -> None:
    """Each machine has graded something when one is switched off; everybody is graded once, with the same marks."""
    root = make_class(tmp_path)
    plan, settings = plan_of(root)
    here: list[Event] = []
    run_plan(plan, settings, here.append)

    events: list[Event] = []
    lost: list[int] = []

    def receive(event: Event) -> None:
        events.append(event)
        begun = {each.assignment for each in events if isinstance(each, GradeReport) and each.status == "graded"}
        if not lost and len(begun) == 2:  # an assignment for each
            lost.extend(machines.switch_off(0))

    handler = signal.getsignal(signal.SIGTERM)
    run_plan_on_ray(plan, settings, receive, machines.cluster.address)
    assert lost
    assert len(events) == 2 * len(CLASS)
    assert comparable(events) == comparable(here)
    assert signal.getsignal(signal.SIGTERM) is handler
    await_that(lambda: all_gone(lost))


@pytest.mark.slow  # 30 s: to start two nodes, and to wait for another one
@pytest.mark.parametrize("machines", [{"count": 1}], indirect=True)
def test_the_only_machine_is_lost(tmp_path: Path, machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was graded has been told, and nobody waits for ever for a machine."""
    monkeypatch.setattr("grader.cluster.pool.run_pool.__kwdefaults__", {"start_seconds": 12.0})
    plan, settings = plan_of(make_class(tmp_path))
    events: list[Event] = []

    def receive(event: Event) -> None:
        events.append(event)
        if len(events) == 1:
            machines.switch_off(0)

    with pytest.raises(InfrastructureError, match="no worker"):
        run_plan_on_ray(plan, settings, receive, machines.cluster.address)
    assert not any(isinstance(event, Failure) for event in events)
    assert 0 < len(events) < 2 * len(CLASS)


@pytest.mark.slow  # 20 s, most of it to start Ray
def test_the_command_with_a_cluster_of_its_own(tmp_path: Path) -> None:
    """Called from a student's folder; nothing of it is imported, and nothing is left behind."""
    root = make_class(tmp_path)
    folder = root / "submitted" / "a" / "tiny"
    for module in ("numpy", "grader", "sitecustomize"):
        (folder / f"{module}.py").write_text(f"open({str(root / 'taken over')!r}, 'a').write({module!r})\n")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    variables = environment(TMPDIR=str(temporary))
    variables.pop("RAY_ADDRESS", None)
    # -P as the installed command has it: Python's own look into the working directory is not what is tested.
    arguments = [sys.executable, "-P", "-m", "grader.cli.main", "grade", "--engine", "ray", "--json"]
    result = subprocess.run(arguments, cwd=folder, env=variables, capture_output=True, text=True, timeout=240)
    assert (result.returncode, result.stderr) == (0, ""), "Ray keeps quiet"
    assert {each["student"] for each in json.loads(result.stdout)} == set(CLASS)
    assert not (root / "taken over").exists()
    assert list(temporary.glob("grader-*")) == []
    again = grader(root, "grade")
    assert (again.returncode, again.stderr) == (0, "0 graded now, 12 unchanged since the last time.\n")


@pytest.mark.slow  # 20 s, most of it to start Ray
def test_sigterm_ends_a_cluster_of_its_own(tmp_path: Path) -> None:
    root = make_class(tmp_path)
    endless = "import time\n\ndef mean(x):\n    time.sleep(3600)\n"
    hand_in(root, "a", {"tiny.py": but(endless)})
    course = root / "course.toml"
    course.write_text(course.read_text().replace("wall_seconds = 5.0", "wall_seconds = 200.0"))
    process = start(
        root, "grade", "--engine", "ray", "-a", "tiny", "--jobs", "1", env=environment(TMPDIR=str(tmp_path))
    )
    seen: set[int] = set()

    def grades() -> bool:
        seen.update(descendants(process.pid))
        return any("bwrap" in name_of(pid) for pid in descendants(process.pid))

    await_that(grades, process)
    seen.update(descendants(process.pid))
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "Traceback" not in err
    await_that(lambda: all_gone(seen))
    assert {report.status for report in stored(root).values()} <= {"graded", "broken", "unreadable"}


def test_addresses_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, settings = plan_of(make_class(tmp_path))
    received: list[Any] = []
    threads = set(threading.enumerate())
    with pytest.raises(UsageError, match="remote client"):
        run_plan_on_ray(plan, settings, received.append, "ray://head:10001")
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(UsageError, match="remote client"):
        run_plan_on_ray(plan, settings, received.append)
    assert received == []
    assert set(threading.enumerate()) <= threads
    result = grader(tmp_path, "grade", "--ray-address", "head:6379")
    assert result.returncode == 1
    assert "add --engine ray" in result.stderr
