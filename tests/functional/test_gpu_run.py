"""``grader gpu run`` on a class: who gets which marks, what is trained again, what is refused, and the queue."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from grader.model import GradeReport, Outcome, Status
from tests.functional.courses.timed_tools import (
    CONSTANT,
    NEVER_ENDS,
    RAISES,
    RIGHT,
    TASK,
    alone,
    edit,
    hand_in_timed,
    make_timed_course,
    runs_by_student,
)
from tests.functional.courses.tools import grader, hand_in, stored

CLASS = {
    "broken": "def train(:\n",
    "constant": CONSTANT,
    "endless": NEVER_ENDS,
    "large": RIGHT + "#" * 9000,
    "raises": RAISES,
    "right": RIGHT,
}
TWO_LINES = ("accuracy", "time")


def gpu(root: Path, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return grader(root, "gpu", *arguments, env=alone(root), **options)


def runs_of(report: GradeReport) -> list[Outcome]:
    return [run.outcome for run in report.training.runs] if report.training else []


def lines_of(report: GradeReport) -> dict[str, tuple[float, Outcome]]:
    return {test.name: (test.earned, test.outcome) for test in report.tests}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A class of seven, graded once; tests must leave it as it is."""
    root = make_timed_course(tmp_path_factory.mktemp("a timed class"))
    for student, code in CLASS.items():
        hand_in_timed(root, student, code)
    (root / "submitted" / "missing" / TASK).mkdir(parents=True)
    return root, gpu(root, "run")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course in which one student has handed in what is right."""
    root = make_timed_course(tmp_path)
    hand_in_timed(root, "ada", RIGHT)
    return root


def test_everybody_is_graded(graded: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    root, result = graded
    assert result.returncode == 0, result.stderr
    assert "7 graded now, 0 unchanged since the last time." in result.stderr
    scores = {student: (report.status, report.score) for (_, student), report in stored(root).items()}
    assert scores == {
        "broken": (Status.BROKEN, 0),
        "constant": (Status.GRADED, 5),  # the visible test and the time
        "endless": (Status.GRADED, 2),
        "large": (Status.GRADED, 2),
        "missing": (Status.MISSING, 0),
        "raises": (Status.GRADED, 2),
        "right": (Status.GRADED, 10),
    }


def test_each_has_as_many_runs_as_its_verdict_takes(graded: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    root, _ = graded
    runs = {student: runs_of(report) for (_, student), report in stored(root).items()}
    assert set(runs["right"]) == set(runs["constant"]) == {Outcome.PASSED}
    assert 3 <= len(runs["right"]) <= 4
    assert len(runs["constant"]) == 3
    assert runs["endless"] == [Outcome.TIMEOUT]
    assert runs["raises"] == [Outcome.ERROR]
    assert runs["large"] == runs["broken"] == runs["missing"] == []
    trained = {student: len(outcomes) for student, outcomes in runs.items() if outcomes}
    assert {**runs_by_student(root), "": 0} == {**trained, "": 0}
    assert runs_by_student(root)[""] >= 2  # the reference, first and last


def test_the_two_lines_are_judged_apart(graded: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    reports = {student: report for (_, student), report in stored(graded[0]).items()}
    lines = {student: lines_of(reports[student]) for student in ("constant", "endless", "large", "raises", "right")}
    assert {student: tuple(each[name] for name in TWO_LINES) for student, each in lines.items()} == {
        "constant": ((0, Outcome.FAILED), (3, Outcome.PASSED)),
        "endless": ((0, Outcome.NOT_RUN), (0, Outcome.TIMEOUT)),
        "large": ((0, Outcome.FAILED), (0, Outcome.FAILED)),
        "raises": ((0, Outcome.ERROR), (0, Outcome.NOT_RUN)),
        "right": ((5, Outcome.PASSED), (3, Outcome.PASSED)),
    }
    by_name = {test.name: test for test in reports["large"].tests}
    assert "10 KiB of code were handed in; 8 KiB are allowed" in by_name["accuracy"].message
    [stopped] = reports["endless"].training.runs if reports["endless"].training else []
    assert 3.6 <= stopped.seconds < 10  # 1.2 times the floor of 3 s


def test_all_are_measured_on_the_same_draws(graded: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    reports = {student: report for (_, student), report in stored(graded[0]).items()}
    seeds = {
        student: [run.seed for run in report.training.runs][:3]
        for student, report in reports.items()
        if report.training
    }
    assert seeds["right"] == seeds["constant"]
    assert len(set(seeds["right"])) == 3
    assert seeds["raises"] == seeds["endless"] == seeds["right"][:1]


def test_a_log_is_short_and_counts(graded: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, result = graded
    lines = result.stderr.splitlines()
    assert len([line for line in lines if "reference" in line]) <= 4
    assert {line.split(": ")[1] for line in lines if line.endswith(" trains")} == {
        f"{student} trains" for student in ("constant", "endless", "raises", "right")
    }
    verdicts = [line for line in lines if line.startswith("[")]
    assert [line.split()[0] for line in verdicts] == [f"[{number}/5]" for number in range(1, 5)]  # one is too large
    assert any("endless no predictions: out of time (3.6" in line for line in verdicts)
    assert len(lines) <= 18
    assert "\x1b" not in result.stderr


def test_unchanged_it_trains_nobody(graded: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    root, _ = graded
    before = runs_by_student(root)
    again = gpu(root, "run")
    assert (again.returncode, again.stderr) == (0, "0 graded now, 7 unchanged since the last time.\n")
    assert runs_by_student(root) == before


def test_the_queue_and_the_leaderboard_of_the_class(graded: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    root, _ = graded
    empty = gpu(root, "queue")
    assert (empty.returncode, empty.stdout, empty.stderr) == (0, "", "The queue is empty.\n")
    rows = json.loads(gpu(root, "queue", TASK, "--all", "--json").stdout)
    assert {row["student"]: row["state"] for row in rows} == dict.fromkeys(
        ("constant", "endless", "raises", "right"), "judged"
    )
    assert next(row for row in rows if row["student"] == "endless")["used_seconds"] >= 3.6
    board = json.loads(gpu(root, "leaderboard", TASK, "--json").stdout)
    assert len(json.dumps(board)) > 100
    page = root / 'a "board".html'
    assert gpu(root, "leaderboard", TASK, "--html", page).returncode == 0
    assert "Nearest class mean" in page.read_text(encoding="utf-8")


# What is trained again ------------------------------------------------------------------------------------------------


def test_grade_trains_too_and_regrade_leaves_it_alone(root: Path) -> None:
    hand_in(root, "ada", {"plain.py": "def double(x):\n    return 2 * x\n"}, "plain")
    first = grader(root, "grade", env=alone(root))
    assert first.returncode == 0, first.stderr
    assert {place: report.score for place, report in stored(root).items()} == {(TASK, "ada"): 10, ("plain", "ada"): 1}
    again = grader(root, "grade", "--regrade", "--yes", env=alone(root))
    assert again.returncode == 0
    assert f"note: {TASK}: to train again, run: grader gpu run --again" in again.stderr
    assert runs_by_student(root)["ada"] == len(runs_of(stored(root)[TASK, "ada"]))


def test_again_trains_again_and_the_new_result_counts(root: Path) -> None:
    hand_in_timed(root, "ben", CONSTANT)
    assert gpu(root, "run").returncode == 0
    before = stored(root)
    again = gpu(root, "run", "--again", "--student", "ada")
    assert again.returncode == 0, again.stderr
    assert "1 graded now, 0 unchanged since the last time." in again.stderr
    assert runs_by_student(root)["ada"] > len(runs_of(before[TASK, "ada"]))
    after = stored(root)
    assert after[TASK, "ben"] == before[TASK, "ben"]
    assert [run.seed for run in after[TASK, "ada"].training.runs] != [  # type: ignore[union-attr]
        run.seed
        for run in before[TASK, "ada"].training.runs  # type: ignore[union-attr]
    ]


def test_what_has_changed_is_trained(root: Path) -> None:
    hand_in_timed(root, "ben", CONSTANT)
    assert gpu(root, "run", "--student", "ada").returncode == 0
    assert [student for _, student in stored(root)] == ["ada"]
    hand_in_timed(root, "ada", CONSTANT)
    second = gpu(root, "run")
    assert "2 graded now, 0 unchanged" in second.stderr
    assert {student: report.score for (_, student), report in stored(root).items()} == {"ada": 5, "ben": 5}


def test_the_small_variant_is_judged_by_itself(root: Path) -> None:
    edit(root, "full = 0.7", "full = 0.3")
    small = gpu(root, "run", "--small", "-a", TASK)
    assert small.returncode == 0, small.stderr
    report = stored(root)[TASK, "ada"]
    assert report.training is not None
    assert report.training.small
    assert "0.3 earns" in next(test.message for test in report.tests if test.name == "accuracy")
    whole = gpu(root, "run")
    assert "1 graded now" in whole.stderr
    assert "0.8 earns" in next(test.message for test in stored(root)[TASK, "ada"].tests if test.name == "accuracy")


def test_thresholds_that_have_changed_are_applied_and_a_calibration_changes_nothing(root: Path) -> None:
    assert gpu(root, "run").returncode == 0
    (root / "autotests" / TASK / "calibration.json").write_text("[]\n", encoding="utf-8")
    edit(root, "reference_every = 4", "reference_every = 5")
    assert "0 graded now, 1 unchanged" in gpu(root, "run").stderr
    edit(root, "full = 0.8\n", "full = 0.99\n")
    assert "1 graded now, 0 unchanged" in gpu(root, "run").stderr
    assert stored(root)[TASK, "ada"].score == 5


@pytest.mark.slow
def test_a_budget(root: Path) -> None:
    hand_in_timed(root, "ada", NEVER_ENDS)
    edit(root, "budget_seconds = 60.0", "budget_seconds = 2.0")
    assert gpu(root, "run").returncode == 0  # it is asked for before a run, not in the midst of one
    hand_in_timed(root, "ada", RIGHT)
    refused = gpu(root, "run")
    assert refused.returncode == 2
    assert "the 2 seconds of device time that a student has for this task are used up" in refused.stderr
    assert "raise budget_seconds" in refused.stderr
    assert runs_by_student(root)["ada"] == 1
    [report] = stored(root).values()
    assert report.score == 2  # of what was judged
    states = [row["state"] for row in json.loads(gpu(root, "queue", "--all", "--json").stdout)]
    assert states == ["judged", "over budget"]
    edit(root, "budget_seconds = 2.0", "budget_seconds = 60.0")
    assert gpu(root, "run").returncode == 0
    assert stored(root)[TASK, "ada"].score == 10


# Refused --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "-a", "mean"], ['there is no assignment "mean"', 'did you mean "means"?']),
        (["run", "-a", "plain"], ["plain is no timed task", "grader grade -a plain"]),
        (["run", "--student", "adda"], ["unknown student 'adda'", 'did you mean "ada"?']),
        (["run", "nowhere"], ["there is no folder nowhere"]),
        (["run", "--ray-address", "10.0.0.1:6379"], ["only a Ray cluster has an address", "--engine ray"]),
        (["run", "--workers", "0"], ["--workers"]),
        (["queue", "plain"], ["plain is no timed task"]),
        (["cancel", "mean"], ['there is no assignment "mean"']),
        (["leaderboard", "plain"], ["plain is no timed task"]),
        (["calibrate", "plain"], ["plain has no table [timed]"]),
        (["calibrate", TASK, "--runs", "9"], ["--runs"]),
    ],
)
def test_the_command_line_names_what_does_not_exist(root: Path, arguments: list[str], words: list[str]) -> None:
    result = gpu(root, *arguments)
    assert result.returncode == 1
    assert [word for word in words if word not in result.stderr] == []
    assert "Traceback" not in result.stderr
    assert stored(root) == {}


def test_a_course_without_timed_tasks(root: Path) -> None:
    toml = root / "solutions" / TASK / "assignment.toml"
    text = toml.read_text(encoding="utf-8").replace("order = 1\n", "order = 3\n")
    toml.write_text(text.replace("points = 10.0", "points = 2.0").partition("[timed]")[0], encoding="utf-8")
    (root / "autotests" / TASK / "test_hidden.py").write_text("", encoding="utf-8")
    result = gpu(root, "run")
    assert result.returncode == 1
    assert "this course has no timed task" in result.stderr
    small = gpu(make_timed_course(root.parent, "other"), "run", "-a", "plain", "--small")
    assert small.returncode == 1


def test_no_small_variant(root: Path) -> None:
    edit(root, "\n[timed.small]\ntrain_images = 200\nfull = 0.7\n", "")
    result = gpu(root, "run", "--small")
    assert result.returncode == 1
    assert f"{TASK} has no small variant" in result.stderr


@pytest.mark.parametrize(
    ("change", "arguments", "words"),
    [
        (
            ('dataset = "digits"', 'dataset = "mnist"'),
            ["--data", "empty"],
            ['data set "mnist"', "train-images-idx3-ubyte.gz", "grader data fetch mnist", "--data DIR"],
        ),
        (('metric = "accuracy"', 'metric = "accuracy"'), ["--device", "cuda"], ["remedy: "]),
        (('dataset = "digits"', 'dataset = "digits"\ndevice = "cuda"'), ["--device", "cpu"], ["--small"]),
    ],
)
def test_what_is_missing_here_leaves_everybody_due(
    root: Path, change: tuple[str, str], arguments: list[str], words: list[str]
) -> None:
    edit(root, "seeds = 3\nmax", 'metric = "accuracy"\nseeds = 3\nmax')
    edit(root, *change)
    (root / "empty").mkdir()
    result = grader(root, "gpu", "run", *arguments, env=alone(root, GRADER_CACHE=str(root), CUDA_VISIBLE_DEVICES=""))
    assert result.returncode == 2, result.stderr
    assert [word for word in words if word not in result.stderr] == []
    assert "1 of 1 submissions were not graded and stay due" in result.stderr
    assert "Traceback" not in result.stderr
    [report] = stored(root).values()
    assert (report.status, report.score) == (Status.NOT_GRADED, None)
    assert runs_by_student(root) == {}


def test_a_reference_that_fails_grades_nobody(root: Path) -> None:
    fails = "    return means if len(images) < 100 else means[seed]\n"
    edit(root, "    return means\n", fails, file=f"solutions/{TASK}/{TASK}.py")
    result = gpu(root, "run")
    assert result.returncode == 1
    assert f"{TASK} is not graded" in result.stderr
    assert "the reference solution does not train" in result.stderr
    assert f"grader verify {TASK}" in result.stderr
    assert stored(root) == {}
