"""``grader demo`` on the small course that ``grader init`` makes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def grader(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grader.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


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
