"""``grader init``: the course that it makes is one that the other commands accept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.main import main
from grader.course import load_course, read_suites

ALTERNATIVES = ("log_space.py", "loops.ipynb")


def grader(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh course under an odd path; the working directory is the folder above."""
    monkeypatch.chdir(tmp_path)
    result = grader("init", "it's a \"course\"", "--name", 'My "course" \\ 1')
    assert result.exit_code == 0, result.output
    return tmp_path / "it's a \"course\""


def run_suites(root: Path, submission: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "autotests", f"--submission={submission}"],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_course_loads_and_generates(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = load_course(root)
    assert course.name == 'My "course" \\ 1'
    assert course.database == f"sqlite:///{root.resolve()}/grader.sqlite"
    (assignment,) = course.assignments
    assert len(read_suites(assignment)) == 6
    assert len(list((assignment.autotests / "mistakes").iterdir())) == 4
    assert sorted(path.name for path in (assignment.autotests / "alternatives").iterdir()) == sorted(ALTERNATIVES)
    monkeypatch.chdir(root)
    assert grader("generate").exit_code == 0
    assert grader("generate", "--check").exit_code == 0


def test_its_suites_pass_the_reference_and_fail_the_stub(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_suites(root, root / "solutions" / "softmax" / "softmax.py")
    assert "6 passed" in done.stdout, done.stdout
    monkeypatch.chdir(root)
    grader("generate")
    done = run_suites(root, root / "assignments" / "softmax" / "softmax.py")
    assert "6 failed" in done.stdout, done.stdout


def test_without_a_name_the_folders_name_serves_and_here_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Deep learning"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert grader("init").exit_code == 0
    assert load_course(folder).name == "Deep learning"


def test_nothing_is_overwritten_and_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "course.toml").write_text("mine")
    result = grader("init", "c")
    assert result.exit_code == 1
    assert "nothing is overwritten" in result.stderr
    assert "course.toml" in result.stderr
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["course.toml"]
    assert (tmp_path / "c" / "course.toml").read_text() == "mine"


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0"])
def test_a_name_that_toml_cannot_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = grader("init", "c", "--name", name)
    assert result.exit_code == 1
    assert "--name" in result.stderr
    assert not (tmp_path / "c").exists()


def test_a_place_that_is_no_folder_is_an_infrastructure_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c").write_text("a file")
    result = grader("init", "c")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_verify_accepts_the_course(root: Path) -> None:
    program = "from grader.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "verify", "--seeds", "3"], cwd=root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "softmax" in done.stdout
