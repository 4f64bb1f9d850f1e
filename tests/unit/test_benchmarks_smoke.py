"""The benchmark runs and prints its tables. Its figures are never asserted: they say something about the machine."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[2] / "benchmarks" / "run.py"
DURATION = re.compile(r"\d+(\.\d+)? (s|ms|µs) \|")


@pytest.mark.slow
def test_quick_benchmark_prints_every_row(tmp_path: Path) -> None:
    command = [sys.executable, str(RUN), "--quick", "--only", "grading", "--only", "wall", "gradient_descent"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {name.strip("* "): rest for name, rest in re.findall(r"^\| ([^|]+)\| (.*)$", done.stdout, re.MULTILINE)}
    for name in ("ours", "plain forker", "tuned forker", "fresh pytest", "database"):
        assert DURATION.search(rows[f"{name}, per submission"])
    for name in ("plain", "tuned"):
        assert rows[f"ours / {name} forker** (target 1.5)"].endswith("| 2 |")
    assert DURATION.search(rows["call** (target 300 µs)"])
    assert {f"numpy guest: {part}" for part in ("spawn", "load", "call", "close")} <= rows.keys()
    # Not a figure: isolated or not, the same tests must fail.
    assert "Other verdicts: 0." in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torch") is None, reason="the timed task's reference is in PyTorch")
def test_quick_benchmark_of_timed_runs_prints_every_row(tmp_path: Path) -> None:
    command = [sys.executable, str(RUN), "--quick", "--only", "timed"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {name.strip("* "): rest for name, rest in re.findall(r"^\| ([^|]+)\| (.*)$", done.stdout, re.MULTILINE)}
    for name in (
        "overhead of a run** (target 500 ms)",
        "of it, stored",
        "overhead of a student's run in the queue",
    ):
        assert DURATION.search(rows[name])
    assert rows["clock error, 0.1 s of work** (target 1 %)"].endswith("| 2 |")
    # Two submissions of three runs each, on two devices or one; the reference before and after them.
    assert rows["students' train and predict** (target 90 %)"].endswith("| 6 |")
    assert int(rows["turns of the reference"].split("|")[1]) >= 2
    assert {f"regression, {steps} steps" for steps in (60, 300, 500)} <= rows.keys()
    assert re.search(r"^\*\*Usual marks\*\* \(target 99 %\): \d", done.stdout, re.MULTILINE)
    assert not list(tmp_path.iterdir())
