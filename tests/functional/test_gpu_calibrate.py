"""``grader gpu calibrate`` measures a reference, and ``grader verify`` proves the timed task with it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.functional.courses.timed_tools import TASK, alone, edit, make_timed_course, runs_by_student
from tests.functional.courses.tools import grader

SOLUTION = f"solutions/{TASK}/{TASK}.py"
MISTAKE = f"autotests/{TASK}/mistakes/lying_down.py"


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return grader(root, *arguments, env=alone(root))


def timed_proofs(root: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code of ``grader verify``, and the proofs of the timed part by name."""
    result = run(root, "verify", TASK, "--seeds", "2", "--json")
    [verified] = json.loads(result.stdout)
    return result.returncode, {each["name"]: each for each in verified["proofs"] if each["kind"] == "timed"}


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A course whose task was calibrated; tests must leave it as it is."""
    root = make_timed_course(tmp_path_factory.mktemp("calibrated"))
    return root, run(root, "gpu", "calibrate", TASK, "--runs", "10")


@pytest.fixture
def root(calibrated: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path) -> Path:
    """A copy of that course, which a test may change."""
    root = make_timed_course(tmp_path)
    file = Path("autotests", TASK, "calibration.json")
    (root / file).write_bytes((calibrated[0] / file).read_bytes())
    return root


def test_it_measures_and_keeps_what_it_measured(calibrated: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    root, result = calibrated
    assert result.returncode == 0, result.stderr
    said = result.stdout
    assert "10 runs on " in said
    assert "an honest copy loses marks: accuracy 0.00 %, time 0.00 %, either 0.00 % (must be below 1 %)" in said
    assert re.search(r"^full = 0\.8; up to 0\.[89]", said, re.MULTILINE)
    assert "multiple = 20 (limit at least 3 s)" in said
    assert [f"run {number} of 10: " in result.stderr for number in range(1, 11)] == [True] * 10
    assert f"kept in autotests/{TASK}/calibration.json" in result.stderr
    [entry] = json.loads((root / "autotests" / TASK / "calibration.json").read_text(encoding="utf-8"))
    assert len(entry["seconds"]) == len(entry["accuracies"]) == 10
    assert all(0.8 < accuracy < 1 for accuracy in entry["accuracies"])
    assert len(set(entry["accuracies"])) > 3  # each run has a draw of its own
    assert entry["versions"]["python"]
    assert runs_by_student(root) == {}  # nothing of it is anybody's device time


def test_it_proves_the_task(calibrated: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    code, proofs = timed_proofs(calibrated[0])
    assert code == 0, proofs
    assert sorted(proofs) == ["alternative loop.py", "calibration", "mistake lying_down", f"reference {TASK}.py"]
    assert all(not proof["problems"] for proof in proofs.values())
    assert proofs["alternative loop.py"]["found"].startswith("8 of 8")
    assert proofs["mistake lying_down"]["found"].startswith("3 of 8")


def test_a_chance_that_is_too_high(root: Path) -> None:
    edit(root, "full = 0.8\n", "full = 0.92\n")
    result = run(root, "gpu", "calibrate", TASK, "--runs", "10", "--dry-run", "--json")
    assert result.returncode == 1
    measured = json.loads(result.stdout)
    assert measured["summary"]["chances"]["accuracy"] > 0.01
    assert measured["summary"]["suggested_full"] < 0.92
    assert "kept in" not in result.stderr


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    root = make_timed_course(tmp_path)
    result = run(root, "gpu", "calibrate", TASK, "--runs", "10", "--small", "--dry-run")
    assert result.returncode == 0, result.stderr
    assert "digits ([timed.small])" in result.stdout
    assert not (root / "autotests" / TASK / "calibration.json").exists()


def test_a_reference_that_fails(root: Path) -> None:
    edit(root, "    return means\n", "    return means[:, :4]\n", file=SOLUTION)
    result = run(root, "gpu", "calibrate", TASK, "--runs", "10")
    assert result.returncode == 1
    assert "the reference solution does not train" in result.stderr
    assert "Traceback" not in result.stderr


# grader verify refuses ------------------------------------------------------------------------------------------------


def test_a_task_that_was_never_calibrated(tmp_path: Path) -> None:
    root = make_timed_course(tmp_path)
    code, proofs = timed_proofs(root)
    assert code == 1
    [problem] = proofs.pop("calibration")["problems"]
    assert problem == f"{TASK} was never calibrated on any device; run: grader gpu calibrate {TASK} --runs 20"
    assert not [proof for proof in proofs.values() if proof["problems"]]  # the rest is proven all the same


def test_a_stale_calibration(root: Path) -> None:
    edit(root, "train_images = 1000", "train_images = 900")
    code, proofs = timed_proofs(root)
    assert code == 1
    [problem] = proofs["calibration"]["problems"]
    assert "stale" in problem
    assert f"grader gpu calibrate {TASK}" in problem


def test_a_mistake_that_nothing_catches(root: Path) -> None:
    edit(root, "images.transpose(0, 2, 1)[:, None]", "images[:, None]", file=MISTAKE)
    code, proofs = timed_proofs(root)
    assert code == 1
    assert proofs["mistake lying_down"]["problems"] == ["accuracy does not catch it"]


def test_a_hint_that_nobody_reads(root: Path) -> None:
    edit(root, "prepare the images exactly as train does", "buy a faster computer", file=MISTAKE)
    code, proofs = timed_proofs(root)
    assert code == 1
    [problem] = proofs["mistake lying_down"]["problems"]
    assert "buy a faster computer" in problem


def test_a_task_without_a_mistake_for_its_runs(root: Path) -> None:
    (root / MISTAKE).unlink()
    result = run(root, "verify", TASK, "--seeds", "2")
    assert result.returncode == 1
    assert "no known mistake costs a timed line" in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('dataset = "digits"', 'dataset = "mnist"', "grader data fetch mnist"),
        ('dataset = "digits"', 'dataset = "digits"\ndevice = "cuda"', "meant for a GPU"),
    ],
)
def test_what_cannot_be_tried_here_is_said(root: Path, old: str, new: str, words: str) -> None:
    edit(root, old, new)
    environment = alone(root, GRADER_CACHE=str(root), GRADER_DATA=str(root), CUDA_VISIBLE_DEVICES="")
    arguments = ("verify", TASK, "--seeds", "2", "--device", "cpu")
    result = grader(root, *arguments, env=environment)
    assert "not tried here: " in result.stdout
    assert words in result.stdout
