"""``grader demo`` on the small course that ``grader init`` makes, and on one with timed tasks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.model import Status
from grader.store.database import Store
from tests.functional.courses.timed_tools import TASK, alone, make_timed_course
from tests.functional.courses.tools import grader as run_grader


def grader(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def grader_in(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with devices of its own."""
    return run_grader(root, *arguments, env=alone(root))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a demo's folder") / "it's a course"
    assert grader(folder.parent, "init", folder.name).returncode == 0
    return folder


@pytest.fixture(scope="module")
def first(course: Path) -> subprocess.CompletedProcess[str]:
    return grader(course, "demo")


def test_demo_grades_a_class_and_reports(course: Path, first: subprocess.CompletedProcess[str]) -> None:
    assert first.returncode == 0, first.stderr
    assert "40 graded now, 0 unchanged" in first.stderr
    path = first.stdout.splitlines()[-1].removeprefix("Report: ")
    assert "Results of the class" in (course / path).read_text(encoding="utf-8")
    assert len(list((course / "demo/report/students").glob("*.html"))) == 40


def test_the_class_holds_what_goes_wrong_in_real_life(course: Path, first: subprocess.CompletedProcess[str]) -> None:
    url = "sqlite:///demo/results.sqlite"
    exported = grader(course, "export", "--format", "json", "--db", url)
    assert exported.returncode == 0, exported.stderr
    results = json.loads(exported.stdout)
    statuses = [entry["status"] for entry in results]
    assert statuses.count("broken") == 2  # the syntax error and the endless loop
    assert statuses.count("missing") == 1  # the empty folder
    assert any(entry["status"] == "graded" and entry["score"] == 0 for entry in results)  # the untouched stub
    assert sum(entry["score"] == entry["max_score"] for entry in results) >= 20
    notes = (course / "demo/report").glob("students/*.html")
    assert any("undefined_name" in page.read_text(encoding="utf-8") for page in notes)  # the broken scratch cell


def test_run_again_it_grades_nothing_twice(course: Path, first: subprocess.CompletedProcess[str]) -> None:
    again = grader(course, "demo")
    assert again.returncode == 0, again.stderr
    assert "0 graded now, 40 unchanged" in again.stderr


def test_what_was_changed_in_the_class_stays(course: Path, first: subprocess.CompletedProcess[str]) -> None:
    changed = next((course / "demo/submitted").glob("*/*/*.py"))
    changed.write_text("x = 1\n", encoding="utf-8")
    again = grader(course, "demo")
    assert "1 graded now, 39 unchanged" in again.stderr
    assert changed.read_text(encoding="utf-8") == "x = 1\n"


# Timed tasks ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with an ordinary task, a timed one, and one whose data would have to be fetched."""
    root = make_timed_course(tmp_path_factory.mktemp("a timed demo"))
    for folder in ("solutions", "autotests"):
        shutil.copytree(root / folder / TASK, root / folder / "far")
    (root / "solutions" / "far" / f"{TASK}.py").rename(root / "solutions" / "far" / "far.py")
    toml = root / "solutions" / "far" / "assignment.toml"
    text = toml.read_text(encoding="utf-8").replace('dataset = "digits"', 'dataset = "mnist"')
    toml.write_text(text.replace("order = 1\n", "order = 3\n"), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def trained(timed: Path) -> subprocess.CompletedProcess[str]:
    return grader_in(timed, "demo")


def test_twelve_train_and_are_ranked(timed: Path, trained: subprocess.CompletedProcess[str]) -> None:
    assert trained.returncode == 0, trained.stderr
    assert "note: far is left out of the demo: its data (MNIST) do not come with the grader" in trained.stderr
    assert "52 submissions of a demo class" in trained.stderr
    assert (timed / "assignments" / "far" / "far.py").exists()  # it is generated all the same
    assert len(list((timed / "demo/submitted").glob(f"*/{TASK}/*"))) == 12
    with Store(f"sqlite:///{timed / 'demo/results.sqlite'}".replace("%", "%25"), read_only=True) as store:
        reports = [report for report in store.latest(TASK) if report.status is not Status.MISSING]
    assert len(reports) == 12
    assert [report.status for report in reports].count(Status.BROKEN) == 1
    scores = [report.score for report in reports]
    assert scores.count(10) >= 5
    assert scores.count(5) >= 2  # those whose predictions are no better than guessing
    assert sum(report.training is not None for report in reports) == 11
    assert any(run.curve for report in reports if report.training for run in report.training.runs)


def test_its_leaderboard_is_linked(timed: Path, trained: subprocess.CompletedProcess[str]) -> None:
    page = f"demo/report/leaderboard-{TASK}.html"
    assert f"Leaderboard: {page}" in trained.stdout.splitlines()
    assert "10 <small>of 40" in (timed / page).read_text(encoding="utf-8")  # one is broken, one gives no predictions
    assert f'<a href="leaderboard-{TASK}.html">' in (timed / "demo/report/index.html").read_text(encoding="utf-8")


def test_run_again_it_trains_nobody(timed: Path, trained: subprocess.CompletedProcess[str]) -> None:
    again = grader_in(timed, "demo", "--workers", "1")
    assert again.returncode == 0, again.stderr
    assert "0 graded now" in again.stderr
    assert "trains" not in again.stderr
    assert "reference" not in again.stderr


def test_a_course_of_which_nothing_is_left(timed: Path, tmp_path: Path) -> None:
    root = tmp_path / "far only"
    shutil.copytree(timed, root, ignore=shutil.ignore_patterns("demo"))
    for name in (TASK, "plain"):
        shutil.rmtree(root / "solutions" / name)
    result = grader_in(root, "demo")
    assert result.returncode == 1
    assert "nothing is left to show" in result.stderr
    assert "Traceback" not in result.stderr
