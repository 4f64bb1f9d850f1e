"""What the reference was measured to do, and what follows for a task."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from gpu_runner.calibration import (
    FILE,
    LEAST_RUNS,
    Calibration,
    calibration_of,
    find_current,
    is_current,
    problems_of,
    read_calibrations,
    reference_digest,
    summary,
    task_digest,
    timed_variant,
    write_calibration,
)
from gpu_runner.chances import chances, suggest_full, suggest_multiple
from grader.errors import InfrastructureError, TaskError, UsageError
from grader.model import Assignment, Environment, Limits, Outcome, Timed, TrainingRun

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VERSIONS = {"python": "3.11.9", "torch": "2.13.0"}
SMALL = Timed("digits", 500, 300, full=0.90, accuracy_points=6, time_points=4, multiple=3, floor_seconds=30)
TIMED = dataclasses.replace(SMALL, train_images=1437, hidden_images=360, full=0.95, small=SMALL)
SOURCE = b"def train(images, labels, *, seed, device):\n    return 3  # epochs\n"


def normal(mean: float, deviation: float, runs: int = 20) -> tuple[float, ...]:
    """Figures whose mean and deviation are these."""
    drawn = np.random.default_rng(7).normal(size=runs)
    drawn = (drawn - drawn.mean()) / drawn.std(ddof=1)
    return tuple(float(each) for each in mean + deviation * drawn)


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    """A timed task in a folder whose name has spaces and quotes."""
    folder = tmp_path / 'it\'s a "course"' / "digits_mlp"
    folder.mkdir(parents=True)
    solution = folder / "digits_mlp.py"
    solution.write_bytes(SOURCE)
    return Assignment(
        "digits_mlp", "Digits", "", Environment.TORCH, 10.0, Limits(), 7, None, solution, folder, timed=TIMED
    )


def entry(assignment: Assignment, *, small: bool = False, **more: object) -> Calibration:
    timed = timed_variant(assignment, small)
    source = assignment.solution.read_bytes()
    made = Calibration(
        "Fast CPU", timed.dataset, small, reference_digest(source), task_digest(timed, source), NOW,
        normal(12, 0.6), normal(0.975, 0.007), VERSIONS,
    )  # fmt: skip
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


# The file


def test_entries_are_kept_one_per_device_and_variant(assignment: Assignment) -> None:
    first, other, small = entry(assignment), entry(assignment, device_model="A GPU"), entry(assignment, small=True)
    for each in (first, other, small):
        assert write_calibration(assignment.autotests, each) == assignment.autotests / FILE
    assert read_calibrations(assignment.autotests) == (other, first, small)
    again = entry(assignment, seconds=normal(9, 0.1))
    write_calibration(assignment.autotests, again)
    assert read_calibrations(assignment.autotests) == (other, again, small)
    assert {path.name for path in assignment.autotests.iterdir()} == {"digits_mlp.py", FILE}


def test_without_a_file_there_is_no_entry(assignment: Assignment) -> None:
    assert read_calibrations(assignment.autotests) == ()


def test_a_failed_writing_leaves_what_was_there(assignment: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    first = entry(assignment)
    write_calibration(assignment.autotests, first)

    def full(*_arguments: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InfrastructureError, match="No space left"):
        write_calibration(assignment.autotests, entry(assignment, device_model="A GPU"))
    assert read_calibrations(assignment.autotests) == (first,)
    assert {path.name for path in assignment.autotests.iterdir()} == {"digits_mlp.py", FILE}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"small": 1}, "neither true nor false"),
        ({"device_model": ""}, "device_model is not a text"),
        ({"measured_at": "yesterday"}, "yesterday"),
        ({"measured_at": 3}, "argument must be str"),
        ({"seconds": [1.0]}, "1 seconds and 20 accuracies"),
        ({"seconds": [0.0] * 20}, "above 0"),
        ({"accuracies": [1.5] * 20}, "between 0 and 1"),
        ({"accuracies": [True] * 20}, "not a list of numbers"),
        ({"accuracies": [float("nan")] * 20}, "not a list of numbers"),
        ({"versions": {"torch": 2}}, "table of texts"),
        ({"colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_a_malformed_entry_is_refused_with_the_file_and_a_remedy(
    assignment: Assignment, change: dict[str, object], said: str
) -> None:
    path = write_calibration(assignment.autotests, entry(assignment))
    [values] = json.loads(path.read_text())
    path.write_text(json.dumps([values | change]))
    with pytest.raises(TaskError, match=said) as caught:
        read_calibrations(assignment.autotests)
    assert caught.value.where == str(path)
    assert "grader gpu calibrate digits_mlp --runs 20" in caught.value.remedy


@pytest.mark.parametrize("name", ["seconds", "accuracies", "small", "task_digest", "measured_at", "versions"])
def test_a_missing_key_is_named(assignment: Assignment, name: str) -> None:
    path = write_calibration(assignment.autotests, entry(assignment))
    [values] = json.loads(path.read_text())
    del values[name]
    path.write_text(json.dumps([values]))
    with pytest.raises(TaskError, match=f"there is no '{name}'"):
        read_calibrations(assignment.autotests)


@pytest.mark.parametrize("text", [b"", b"{}", b"[3]", b"\xff", b"[[]", b"[" * 100_000])
def test_what_is_no_list_of_entries_is_refused(assignment: Assignment, text: bytes) -> None:
    (assignment.autotests / FILE).write_bytes(text)
    with pytest.raises(TaskError, match="not a calibration"):
        read_calibrations(assignment.autotests)


def test_two_entries_of_one_device_are_refused(assignment: Assignment) -> None:
    path = write_calibration(assignment.autotests, entry(assignment))
    path.write_text(json.dumps(json.loads(path.read_text()) * 2))
    with pytest.raises(TaskError, match="same device and variant"):
        read_calibrations(assignment.autotests)


# What makes it stale


@pytest.mark.parametrize(
    "source",
    [
        b"# measured: 12 s, n = 20\n\n" + SOURCE,
        SOURCE.replace(b"# epochs", b"# three epochs"),
        SOURCE.replace(b"\n", b"\r\n"),
        b"# %% [markdown]\n# A lesson.\n\n# %%\n" + SOURCE + b"\n\n# the end",
    ],
    ids=["a head", "another comment", "other line ends", "a lesson's text"],
)
def test_comments_do_not_make_it_stale(assignment: Assignment, source: bytes) -> None:
    assert is_current(entry(assignment), TIMED, source)


@pytest.mark.parametrize(
    "source",
    [
        SOURCE.replace(b"3", b"4"),
        SOURCE + b"    x = 1\n",
        SOURCE.replace(b"    return", b"  return"),
        b'text = """\n# a\n"""\n' + SOURCE,
    ],
)
def test_code_does(assignment: Assignment, source: bytes) -> None:
    assert not is_current(entry(assignment), TIMED, source)


def test_a_line_within_a_string_is_code_even_where_it_looks_like_a_comment() -> None:
    assert reference_digest(b'x = """\n# a\n"""\n') != reference_digest(b'x = """\n# b\n"""\n')
    assert reference_digest(b'x = """\na\n\nb"""\n') != reference_digest(b'x = """\na\nb"""\n')


def test_what_is_not_python_has_a_digest_too() -> None:
    broken = [b"x = (1,\n", b"\xff\xfe", b"if x:\n        y\n    z\n", b"# coding: nonsense\n"]
    assert len({reference_digest(source) for source in broken}) == len(broken)


@pytest.mark.parametrize(
    "change",
    [{"train_images": 9}, {"hidden_images": 200}, {"dataset": "mnist"}, {"noise": 1}, {"shift_pixels": 1},
     {"metric": "balanced accuracy"}],
)  # fmt: skip
def test_settings_that_change_the_distribution_do(assignment: Assignment, change: dict[str, object]) -> None:
    assert not is_current(entry(assignment), dataclasses.replace(TIMED, **change), SOURCE)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"full": 0.9}, {"multiple": 5.0}, {"floor_seconds": 1.0}, {"max_seeds": 9}])
def test_limits_and_thresholds_do_not(assignment: Assignment, change: dict[str, object]) -> None:
    assert is_current(entry(assignment), dataclasses.replace(TIMED, **change), SOURCE)  # type: ignore[arg-type]


def test_current_entries_are_those_of_the_code_and_settings_as_they_are(assignment: Assignment) -> None:
    current, small = entry(assignment), entry(assignment, small=True)
    for each in (current, small, entry(assignment, device_model="Old GPU", task_digest="0")):
        write_calibration(assignment.autotests, each)
    assert find_current(assignment) == (current, small)
    alone = dataclasses.replace(assignment, timed=dataclasses.replace(TIMED, small=None))
    assert find_current(alone) == (current,)


# From runs


def run(accuracy: float | None = 0.97, **more: object) -> TrainingRun:
    values = {"seed": 1, "outcome": Outcome.PASSED, "seconds": 12.0, "hidden_images": 360, "device": "cpu-0"}
    return TrainingRun(accuracy=accuracy, **(values | more))  # type: ignore[arg-type]


def test_an_entry_is_made_of_undisturbed_runs(assignment: Assignment) -> None:
    runs = [run()] * 12 + [run(0.2, seconds=99.0, disturbed="throttled")]
    made = calibration_of(assignment, runs, "Fast CPU", VERSIONS, NOW, small=False)
    assert made == entry(assignment, seconds=(12.0,) * 12, accuracies=(0.97,) * 12)
    assert made.runs == 12


def test_a_reference_that_fails_is_not_calibrated(assignment: Assignment) -> None:
    stopped = run(None, outcome=Outcome.TIMEOUT, disturbed="throttled")
    assert calibration_of(assignment, [run()] * 12 + [stopped], "Fast CPU", VERSIONS, NOW, small=False).runs == 12
    alone = dataclasses.replace(stopped, disturbed="")
    with pytest.raises(TaskError, match="1 of 13 runs of the reference failed: timeout"):
        calibration_of(assignment, [run()] * 12 + [alone], "Fast CPU", VERSIONS, NOW, small=False)
    runs = [run()] * 12 + [run(None, outcome=Outcome.ERROR, message="ValueError: no")]
    with pytest.raises(TaskError, match="1 of 13 runs of the reference failed: error, ValueError: no"):
        calibration_of(assignment, runs, "Fast CPU", VERSIONS, NOW, small=False)


def test_few_runs_are_no_calibration(assignment: Assignment) -> None:
    runs = [run()] * (LEAST_RUNS - 1) + [run(disturbed="throttled")] * 5
    with pytest.raises(InfrastructureError, match="9 runs say too little: 5 more were disturbed"):
        calibration_of(assignment, runs, "Fast CPU", VERSIONS, NOW, small=False)


def test_a_variant_that_the_task_lacks_is_named(assignment: Assignment) -> None:
    alone = dataclasses.replace(assignment, timed=dataclasses.replace(TIMED, small=None))
    with pytest.raises(UsageError, match=r"digits_mlp has no table \[timed.small\]"):
        timed_variant(alone, small=True)


# Chances


def test_a_reference_far_from_its_thresholds_hardly_ever_fails() -> None:
    found = chances(TIMED, normal(12, 0.6), normal(0.975, 0.005))
    assert found.accuracy < 0.001
    assert found.time < 0.001
    assert found.either < 0.001


def test_a_threshold_above_the_reference_nearly_always_fails() -> None:
    found = chances(TIMED, normal(12, 0.6), normal(0.92, 0.005))
    assert found.accuracy > 0.9
    assert found.time < 0.001
    assert found.either == found.accuracy


def test_a_tight_multiple_fails_as_often_as_arithmetic_says() -> None:
    """Median of 3 against 1.0 times the median of 2 of the same distribution: even chances, by symmetry."""
    tight = dataclasses.replace(TIMED, multiple=1.0, floor_seconds=0.1, max_seeds=3)
    found = chances(tight, normal(12, 0.6), normal(0.99, 0.001))
    assert found.time == pytest.approx(0.5, abs=0.05)
    assert found.accuracy < 0.001


def test_the_floor_helps_a_fast_reference() -> None:
    tight = dataclasses.replace(TIMED, multiple=1.01)
    assert chances(tight, normal(12, 0.6), normal(0.99, 0.001)).time < 0.001
    assert chances(tight, normal(60, 3.0), normal(0.99, 0.001)).time > 0.2


def test_few_runs_leave_more_open_than_many() -> None:
    """The same mean and deviation: what 4 runs do not know about them lies in wide tails."""
    tight = dataclasses.replace(TIMED, multiple=1.3, floor_seconds=0.1)
    few = chances(tight, normal(12, 0.8, runs=4), normal(0.97, 0.01, runs=4))
    many = chances(tight, normal(12, 0.8, runs=40), normal(0.97, 0.01, runs=40))
    assert few.either > 2 * many.either


def test_a_rare_poor_run_is_no_small_matter() -> None:
    """One run in 20 fails to learn: three draws hold it in 14 % of sessions; the normal model sees a wide spread."""
    assert chances(TIMED, (12.0,) * 20, (*(0.975,) * 19, 0.2)).accuracy > 0.12


def test_chances_are_the_same_for_the_same_figures() -> None:
    assert chances(TIMED, normal(12, 2), normal(0.955, 0.01)) == chances(TIMED, normal(12, 2), normal(0.955, 0.01))


@pytest.mark.parametrize(("seconds", "accuracies"), [((), ()), ((1.0,), (0.9,)), ((1.0, 2.0), (0.9,))])
def test_no_chances_without_runs(seconds: tuple[float, ...], accuracies: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="two or more"):
        chances(TIMED, seconds, accuracies)


def test_suggestions_keep_the_promise_that_the_next_step_breaks() -> None:
    seconds, accuracies = normal(12, 1.5), normal(0.958, 0.008)
    full = suggest_full(TIMED, seconds, accuracies)
    assert 0.93 <= full <= 0.96
    assert chances(dataclasses.replace(TIMED, full=full), seconds, accuracies).accuracy < 0.01
    assert chances(dataclasses.replace(TIMED, full=full + 0.005), seconds, accuracies).accuracy >= 0.01
    slow = dataclasses.replace(TIMED, floor_seconds=0.1, max_seeds=3)
    multiple = suggest_multiple(TIMED, seconds, accuracies)
    assert multiple == 1.5
    assert chances(dataclasses.replace(slow, multiple=multiple), seconds, accuracies).time < 0.01
    assert chances(dataclasses.replace(slow, multiple=multiple - 0.5), seconds, accuracies).time >= 0.01


def test_a_summary_tells_mean_spread_and_quantiles(assignment: Assignment) -> None:
    found = summary(entry(assignment), TIMED)
    assert found.runs == 20
    assert (found.seconds.mean, found.seconds.deviation) == (pytest.approx(12), pytest.approx(0.6))
    assert found.accuracy.quantiles == pytest.approx(np.quantile(normal(0.975, 0.007), [0.05, 0.5, 0.95]))
    assert found.chances == chances(TIMED, normal(12, 0.6), normal(0.975, 0.007))
    assert found.suggested_full >= TIMED.full
    assert found.suggested_multiple == 1.5


# What verify refuses


def test_a_sound_task_has_no_problem(assignment: Assignment) -> None:
    write_calibration(assignment.autotests, entry(assignment))
    assert problems_of(assignment) == []


def test_an_ordinary_assignment_needs_no_calibration(assignment: Assignment) -> None:
    assert problems_of(dataclasses.replace(assignment, timed=None)) == []


def test_a_task_that_was_never_calibrated_is_refused(assignment: Assignment) -> None:
    [problem] = problems_of(assignment)
    assert problem == ("digits_mlp was never calibrated on any device; run: grader gpu calibrate digits_mlp --runs 20")


def test_a_changed_reference_is_refused(assignment: Assignment) -> None:
    write_calibration(assignment.autotests, entry(assignment))
    assignment.solution.write_bytes(SOURCE.replace(b"3", b"4"))
    [problem] = problems_of(assignment)
    assert "the calibration on Fast CPU of 2026-03-01 is stale: the reference has changed; run:" in problem


def test_changed_settings_are_refused(assignment: Assignment) -> None:
    write_calibration(assignment.autotests, entry(assignment))
    changed = dataclasses.replace(assignment, timed=dataclasses.replace(TIMED, noise=1))
    [problem] = problems_of(changed)
    assert "is stale: one of the settings dataset, train_images" in problem
    write_calibration(assignment.autotests, entry(changed, device_model="A GPU"))
    assert problems_of(changed) == [], "one device is enough"


def test_a_table_that_is_gone_is_told(assignment: Assignment) -> None:
    write_calibration(assignment.autotests, entry(assignment, small=True))
    alone = dataclasses.replace(assignment, timed=dataclasses.replace(TIMED, small=None))
    [problem] = problems_of(alone)
    assert "of [timed.small] on Fast CPU" in problem
    assert "there is no [timed.small] any more" in problem


def test_a_task_at_which_the_reference_itself_loses_marks_is_refused(assignment: Assignment) -> None:
    write_calibration(assignment.autotests, entry(assignment, small=True, accuracies=normal(0.88, 0.01)))
    [problem] = problems_of(assignment)
    assert problem.startswith("the calibration of [timed.small] on Fast CPU of 2026-03-01: an honest copy of the")
    assert problem.endswith("grader gpu calibrate digits_mlp --runs 20 --small")


def test_an_entry_of_few_runs_is_refused(assignment: Assignment) -> None:
    write_calibration(assignment.autotests, entry(assignment, seconds=(12.0,) * 3, accuracies=(0.98,) * 3))
    [problem] = problems_of(assignment)
    assert "has 3 runs, which say too little" in problem


def test_the_proof_of_a_small_variant_asks_for_its_calibration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The whole assignment is asked, which alone knows that there is a small variant."""
    from grader.cli import timed_verify
    from grader.cli.timed import TimedOptions

    asked: list[Assignment] = []
    tried: list[Assignment] = []
    monkeypatch.setattr("gpu_runner.calibration.problems_of", lambda each: asked.append(each) or [])
    monkeypatch.setattr(timed_verify, "_prove", lambda each, *_more: tried.append(each))
    small = dataclasses.replace(TIMED, full=0.7)
    whole = Assignment(
        "a", "A", "", Environment.NUMPY, 10.0, Limits(), 1, None, tmp_path, tmp_path,
        dataclasses.replace(TIMED, small=small),
    )  # fmt: skip
    timed_verify.verify_timed(whole, (), TimedOptions(small=True), lambda _proof: None, lambda _session: None)
    assert asked == [whole]
    assert [each.timed for each in tried] == [small]
