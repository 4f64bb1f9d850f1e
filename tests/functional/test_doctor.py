"""``grader doctor`` through the real command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader.cli.main import main
from grader.doctor import packages
from tests.functional.courses.timed_tools import edit, make_timed_course

COURSE = Path(__file__).parents[1] / "goldens" / "generation" / "course"
REFUSAL = """#!/bin/sh
if [ "$1" = --version ]; then echo bubblewrap 0.8.0; exit 0; fi
printf 'bwrap: No permissions to create new \\033[31mnamespace' >&2
exit 1
"""


def grader(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course under an odd path; the working directory."""
    root = tmp_path / "it's a \"course\" [x]"
    shutil.copytree(COURSE, root)
    monkeypatch.chdir(root)
    return root


def by_name(result: Result) -> dict[str, dict[str, str]]:
    return {finding["name"]: finding for finding in json.loads(result.stdout)["findings"]}


def test_all_is_well(root: Path) -> None:
    before = sorted(root.rglob("*"))
    result = grader("doctor")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert any(line.startswith("ok") and "sandbox, numpy" in line and "works: started in" in line for line in lines)
    assert any(line.startswith("ok") and "database" in line for line in lines)
    assert lines[-1] == "Everything that grading needs works."
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in result.stdout
    assert sorted(root.rglob("*")) == before


def test_without_a_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = grader("doctor", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["ok"] is True
    findings = by_name(result)
    assert findings["course"]["state"] == "note"
    assert "database" not in findings
    assert set(findings["numpy"]) == {"name", "state", "detail", "remedy"}


def test_without_bubblewrap(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    result = grader("doctor")
    assert result.exit_code == 2
    assert "not installed; needed to grade and to verify" in " ".join(result.stdout.split())
    assert "apt-get install bubblewrap" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("2 problems")
    assert "Traceback" not in result.output


def test_where_namespaces_are_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "bwrap").write_text(REFUSAL)
    (root / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(root))
    result = grader("doctor")
    assert result.exit_code == 2
    assert "No permissions to create new namespace" in " ".join(result.stdout.split())
    assert "remedy" in result.stdout
    assert "\x1b" not in result.stdout
    findings = by_name(grader("doctor", "--json"))
    assert findings["bubblewrap"]["state"] == "ok"
    assert findings["sandbox, numpy"]["state"] == "problem"


@pytest.mark.parametrize(
    ("file", "text", "where"),
    [
        ("course.toml", "name = \n", "course.toml:1"),
        ("course.toml", 'name = "Tiny"\nseed = 1\nrooster = "x"\n', "course.toml:3"),
        ("solutions/scaling/assignment.toml", "title = 5\n", "assignment.toml:"),
    ],
)
def test_an_invalid_course(root: Path, file: str, text: str, where: str) -> None:
    (root / file).write_text(text)
    result = grader("doctor", "--json")
    assert result.exit_code == 2
    finding = by_name(result)["course"]
    assert finding["state"] == "problem"
    assert where in finding["detail"]
    assert finding["remedy"]


def test_a_database_that_cannot_be_written(root: Path) -> None:
    result = grader("doctor", "--json", "--db", "sqlite:///course.toml/results.sqlite")
    assert result.exit_code == 2
    finding = by_name(result)["database"]
    assert finding["state"] == "problem"
    assert f"{root}/course.toml/results.sqlite" in finding["detail"]
    assert "--db" in finding["remedy"]
    assert by_name(result)["course"]["state"] == "ok"


def test_what_is_no_url(root: Path) -> None:
    result = grader("doctor", "--db", "results.sqlite")
    assert result.exit_code == 1
    assert "is not a database URL" in result.stderr


def test_a_framework_that_the_course_needs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = root / "solutions" / "scaling" / "assignment.toml"
    toml.write_text(toml.read_text().replace('environment = "numpy"', 'environment = "tensorflow"'))
    installed = packages.installed_version
    monkeypatch.setattr(packages, "installed_version", lambda name: None if name == "tensorflow" else installed(name))
    result = grader("doctor", "--json")
    assert result.exit_code == 2
    findings = by_name(result)
    assert "assignments of this course use it" in findings["tensorflow"]["detail"]
    assert "pip install" in findings["tensorflow"]["remedy"]
    assert "sandbox, tensorflow" not in findings


# Timed tasks ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with a timed task; no data sets are kept anywhere; the working directory."""
    monkeypatch.setenv("GRADER_DATA", str(tmp_path / "data"))
    root = make_timed_course(tmp_path)
    monkeypatch.chdir(root)
    return root


def test_a_course_without_timed_tasks_hears_nothing_of_them(root: Path) -> None:
    names = by_name(grader("doctor", "--json"))
    assert "devices" not in names
    assert not [name for name in names if name.startswith("data set")]


def test_devices_and_data_of_timed_tasks(timed: Path) -> None:
    result = grader("doctor", "--json")
    assert result.exit_code == 0
    findings = by_name(result)
    assert findings["devices"]["state"] == "ok"
    assert "cpu: " in findings["devices"]["detail"]
    assert findings["data set digits"] == {
        "name": "data set digits",
        "state": "ok",
        "detail": "comes with scikit-learn",
        "remedy": "",
    }


def test_data_that_are_not_here(timed: Path) -> None:
    edit(timed, 'dataset = "digits"', 'dataset = "cifar10"')
    result = grader("doctor", "--json")
    assert result.exit_code == 0
    finding = by_name(result)["data set cifar10"]
    assert finding["state"] == "note"
    assert "cifar-10-binary.tar.gz" in finding["detail"]
    assert str(timed.parent / "data") in finding["detail"]
    assert "grader data fetch cifar10" in finding["remedy"]


def test_a_data_set_that_there_is_not(timed: Path) -> None:
    edit(timed, 'dataset = "digits"', 'dataset = "digit"')
    result = grader("doctor", "--json")
    assert result.exit_code == 2
    finding = by_name(result)["data set digit"]
    assert finding["state"] == "problem"
    assert "did you mean digits?" in finding["remedy"]


def test_a_task_for_a_gpu_without_one(timed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(timed, 'dataset = "digits"', 'dataset = "digits"\ndevice = "cuda"')
    here = "cpu: 2 cores (Some CPU)\ncuda: no NVML (remedy: install the driver)"
    monkeypatch.setattr("gpu_runner.devices.describe_devices", lambda: here)
    finding = by_name(grader("doctor", "--json"))["devices"]
    assert finding["state"] == "note"
    assert "means: meant for a GPU" in finding["detail"]
    assert finding["remedy"] == "install the driver"
    monkeypatch.setattr("gpu_runner.devices.describe_devices", lambda: "cuda: Some GPU 0, 81920 MiB")
    assert by_name(grader("doctor", "--json"))["devices"]["state"] == "ok"
