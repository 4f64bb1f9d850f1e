"""From timed runs to the two lines of a report."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_runner import hints
from gpu_runner.devices.base import COST, GIVEN
from gpu_runner.judgement import (
    counting,
    failures,
    limit_seconds,
    needs_more_runs,
    training_of,
    verdict_lines,
)
from grader.errors import InfrastructureError, TaskError
from grader.model import CurvePoint, Outcome, TestResult, Timed, Training, TrainingRun

TIMED = Timed("digits", 1437, 360, full=0.95, accuracy_points=6, time_points=4, multiple=3, floor_seconds=30)
PARTS = dataclasses.replace(TIMED, full=0.90, part_from=0.80, part_steps=4, accuracy_points=10)
BUSY = "another process computed on the device"


def run(accuracy: float | None = 0.98, seconds: float = 12.0, **more: object) -> TrainingRun:
    values = {"seed": 1, "outcome": Outcome.PASSED, "hidden_images": 360, "device": "cpu-0", "train_seconds": 11.0}
    return TrainingRun(accuracy=accuracy, seconds=seconds, **(values | more))  # type: ignore[arg-type]


def failed(outcome: Outcome, **more: object) -> TrainingRun:
    return run(None, outcome=outcome, train_seconds=None, **more)


REFERENCES = [run(0.97, 9.0), run(0.97, 11.0), run(0.97, 10.0)]


def judged(runs: list[TrainingRun], timed: Timed = TIMED) -> tuple[TestResult, TestResult]:
    return verdict_lines(timed, training_of(timed, runs, REFERENCES, "cpu-0"))


def curve(*points: tuple[float, float | None, float | None]) -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint(epoch, loss, accuracy) for epoch, loss, accuracy in points)


# Which runs count


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (run(seconds=31.0), True),
        (run(seconds=29.0, disturbed=BUSY), True),
        (run(seconds=31.0, disturbed=BUSY), False),
        (failed(Outcome.TIMEOUT, seconds=60.0), True),
        (failed(Outcome.TIMEOUT, seconds=30.0), False),
        (failed(Outcome.TIMEOUT, seconds=60.0, disturbed=BUSY), False),
        (failed(Outcome.TIMEOUT, seconds=60.0, disturbed=BUSY, conditions={COST: 25.0}), True),
        (failed(Outcome.TIMEOUT, seconds=60.0, disturbed=BUSY, conditions={COST: 30.0}), False),
        (run(seconds=40.0, disturbed=BUSY, conditions={COST: 5.0}), True),
        (failed(Outcome.MEMORY, disturbed=BUSY), False),
        (failed(Outcome.KILLED, disturbed=BUSY), False),
        (failed(Outcome.MEMORY, disturbed=BUSY, conditions={COST: 1.0}), True),
        (failed(Outcome.KILLED, disturbed=BUSY, conditions={COST: 1.0}), True),
        (failed(Outcome.ERROR, disturbed=BUSY), True),
        (failed(Outcome.ERROR), True),
        (failed(Outcome.NOT_RUN), False),
    ],
    ids=(
        "late|quick|late, busy|stopped|stopped too early|stopped, busy|endless, busy|perhaps not endless|"
        "far too late, busy|no memory, busy|killed, busy|no memory, busy core|killed, busy core|error, busy|error|none"
    ).split("|"),
)
def test_a_disturbed_run_counts_only_where_it_can_have_lost_nothing(one: TrainingRun, counts: bool) -> None:
    assert counting([one], 30.0) == ((one,) if counts else ())


@pytest.mark.parametrize(
    ("cost", "counts"),
    [(0.0, True), (2.5, True), (12.0, False), (29.0, False)],
    ids="all its own|all but what sampling misses|a fifth owed to others|half of it".split("|"),
)
def test_a_disturbed_run_that_was_stopped_counts_once_it_had_all_its_time(cost: float, counts: bool) -> None:
    stopped = failed(Outcome.TIMEOUT, seconds=60.0, disturbed=BUSY, conditions={COST: cost, GIVEN: 60.0})
    assert counting([stopped], 30.0) == ((stopped,) if counts else ())


def test_the_limit_is_a_multiple_of_the_references_median_and_never_below_the_floor() -> None:
    assert limit_seconds(TIMED, REFERENCES) == 30.0
    assert limit_seconds(TIMED, [run(seconds=20.0), run(seconds=24.0)]) == 66.0
    assert limit_seconds(TIMED, [run(seconds=1.0)]) == 30.0


def test_disturbed_and_failed_references_do_not_move_the_limit() -> None:
    slow = run(seconds=100.0, disturbed=BUSY)
    assert limit_seconds(TIMED, [run(seconds=20.0), slow, failed(Outcome.ERROR, seconds=0.1)]) == 60.0
    assert limit_seconds(TIMED, [slow]) == 300.0, "submissions ran on the same disturbed device"


def test_without_a_reference_nothing_is_judged() -> None:
    for references in ([], [failed(Outcome.ERROR, message="ValueError: no")]):
        with pytest.raises(TaskError, match="no run of the reference has passed"):
            limit_seconds(TIMED, references)


# Whether there must be more runs


@pytest.mark.parametrize(
    ("runs", "more"),
    [
        ([], True),
        ([run()] * 2, True),
        ([run()] * 3, False),
        ([run(0.95)] * 3, True),
        ([run(0.94)] * 5, True),
        ([run(0.94)] * 6, False),
        ([run(0.5)] * 3, False),
        ([run(), run(), run(seconds=31.0, disturbed=BUSY)], True),
        ([run(0.95)] * 5 + [run(seconds=31.0, disturbed=BUSY)] * 3, True),
        ([failed(Outcome.ERROR)], False),
        ([run(), failed(Outcome.TIMEOUT, seconds=61.0)], False),
        ([failed(Outcome.TIMEOUT, seconds=61.0, disturbed=BUSY)], True),
    ],
)
def test_runs_are_added_until_the_verdict_is_clear(runs: list[TrainingRun], more: bool) -> None:
    assert needs_more_runs(TIMED, runs, 30.0) is more


def test_a_threshold_of_part_marks_asks_for_more_runs_too() -> None:
    assert needs_more_runs(PARTS, [run(0.85, hidden_images=10_000)] * 3, 30.0)
    assert not needs_more_runs(PARTS, [run(0.8625, hidden_images=10_000)] * 3, 30.0)


# What they come to


def test_a_training_holds_the_figures_of_the_runs_that_count() -> None:
    runs = [run(0.96, 12.0), run(0.98, 10.0), run(0.5, 99.0, disturbed=BUSY), run(0.97, 20.0)]
    training = training_of(TIMED, runs, REFERENCES, "cpu-0", small=True)
    assert training.runs == tuple(runs)
    assert training.accuracy == pytest.approx(0.97)
    assert training.low is not None
    assert training.high is not None
    assert training.low < 0.97 < training.high
    assert (training.seconds, training.limit_seconds, training.reference_seconds) == (12.0, 30.0, 10.0)
    assert (training.device, training.small) == ("cpu-0", True)


def test_a_failed_run_leaves_no_accuracy() -> None:
    training = training_of(TIMED, [run(), failed(Outcome.ERROR)], REFERENCES, "cpu-0")
    assert (training.accuracy, training.low, training.high) == (None, None, None)


def test_a_device_that_stays_disturbed_judges_nobody() -> None:
    runs = [run(), *[run(seconds=40.0, disturbed=BUSY)] * 4]
    with pytest.raises(InfrastructureError, match=f"1 of 5 runs count, and 3 are needed: {BUSY}"):
        training_of(TIMED, runs, REFERENCES, "cpu-0")


# What the student reads


def test_all_is_well() -> None:
    accuracy, time = judged([run(0.98, seed=1, output="hello\n"), run(0.97, seed=2, output="hello\n"), run(0.99)])
    assert (accuracy.name, accuracy.earned, accuracy.outcome, accuracy.hint) == ("accuracy", 6, Outcome.PASSED, "")
    assert accuracy.message == ("Mean accuracy 0.980 (95 % interval 0.951 to 1.000) over 3 runs; 0.95 earns all marks.")
    assert accuracy.output == "hello\n"
    assert (time.name, time.earned, time.outcome, time.hint, time.seconds) == ("time", 4, Outcome.PASSED, "", 12.0)
    assert time.message == (
        "Median 12 s over 3 runs; the limit is 30 s (3 times the reference's 10 s, never below 30 s)."
    )


def test_slow_and_accurate_loses_the_time_alone() -> None:
    accuracy, time = judged([run(seconds=31.234, train_seconds=30.0)] * 3)
    assert accuracy.earned == 6
    assert (time.earned, time.outcome) == (0, Outcome.TIMEOUT)
    assert time.message.startswith("Median 31.24 s over 3 runs; the limit is 30 s")
    assert time.hint == hints.ENOUGH + hints.FASTER


def test_fast_and_wrong_loses_the_accuracy_alone() -> None:
    accuracy, time = judged([run(0.8)] * 3)
    assert (accuracy.earned, accuracy.outcome, time.earned) == (0, Outcome.FAILED, 4)


def test_a_slow_predict_is_named() -> None:
    _accuracy, time = judged([run(seconds=40.0, train_seconds=10.0)] * 3)
    assert time.hint == hints.SLOW_PREDICT + hints.FASTER


def test_a_stopped_run_costs_the_time_and_has_no_accuracy() -> None:
    accuracy, time = judged([failed(Outcome.TIMEOUT, seconds=61.0)])
    assert (accuracy.outcome, accuracy.earned) == (Outcome.NOT_RUN, 0)
    assert accuracy.message == "No predictions came in before the run was stopped, so there is no accuracy."
    assert (time.outcome, time.earned) == (Outcome.TIMEOUT, 0)
    assert time.message == ("Stopped after 61 s; the limit is 30 s (3 times the reference's 10 s, never below 30 s).")


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.FAILED, Outcome.MEMORY, Outcome.KILLED])
def test_a_failed_run_costs_the_accuracy_and_has_no_time(outcome: Outcome) -> None:
    accuracy, time = judged([failed(outcome, message="It broke.", traceback="line 3", output="so far\n")])
    assert (accuracy.outcome, accuracy.earned, accuracy.message) == (outcome, 0, "It broke.")
    assert (accuracy.traceback, accuracy.output) == ("line 3", "so far\n")
    assert (time.outcome, time.earned) == (Outcome.NOT_RUN, 0)
    assert accuracy.hint == (hints.OUT_OF_MEMORY if outcome is Outcome.MEMORY else "")


def test_code_must_work_with_every_seed() -> None:
    accuracy, time = judged([run(), run(), failed(Outcome.ERROR, message="IndexError: 10.")])
    assert (accuracy.earned, time.earned) == (0, 0)
    assert accuracy.message == "IndexError: 10. 2 of 3 runs passed, but the code must work with every seed."


def test_an_exception_without_a_full_stop_gets_one() -> None:
    accuracy, _time = judged([run(), failed(Outcome.ERROR, message="train raised RuntimeError: shape")])
    assert "RuntimeError: shape. 1 of 2 runs passed" in accuracy.message


def test_a_stopped_run_shows_where() -> None:
    _accuracy, time = judged([failed(Outcome.TIMEOUT, seconds=61.0, traceback="work.py, line 11, in train")])
    assert time.traceback == "work.py, line 11, in train"


def test_an_exception_says_more_than_a_stopped_run() -> None:
    runs = [failed(Outcome.TIMEOUT, seconds=61.0), failed(Outcome.KILLED), failed(Outcome.ERROR, message="no")]
    assert [each.outcome for each in failures(runs)] == [Outcome.ERROR, Outcome.KILLED, Outcome.TIMEOUT]
    accuracy, time = judged(runs)
    assert (accuracy.outcome, time.outcome) == (Outcome.ERROR, Outcome.TIMEOUT)


def test_part_marks_are_told_with_their_steps() -> None:
    accuracy, _time = judged([run(0.86, hidden_images=100_000)] * 3, PARTS)
    assert (accuracy.earned, accuracy.outcome) == (6, Outcome.FAILED)
    assert "0.9 earns all marks, 0.850 earns 3 of 5 parts of them." in accuracy.message
    accuracy, _time = judged([run(0.5)] * 3, PARTS)
    assert "0.9 earns all marks, part marks begin at 0.8." in accuracy.message


def test_what_stays_undecided_goes_to_the_student_who_is_told() -> None:
    accuracy, _time = judged([run(0.945)] * 6)
    assert (accuracy.earned, accuracy.outcome) == (6, Outcome.PASSED)
    assert accuracy.message.endswith("0.950 lies within the interval, and what the runs leave open is decided for you.")


def test_a_doubt_by_wide_spread_alone_does_not_count_and_is_told() -> None:
    accuracy, _time = judged([run(0.96), run(0.96), run(0.3)] * 2)
    assert accuracy.earned == 0
    assert "only because the runs differ so much" in accuracy.message
    assert accuracy.hint == hints.JUMPY.format(low=0.3, high=0.96)


def test_a_spread_far_below_the_log_is_not_taken_for_unlucky_seeds() -> None:
    curve = (CurvePoint(9.0, 0.1, 0.99, 1.0),)
    accuracy, _time = judged([run(each, curve=curve) for each in (0.43, 0.5, 0.57)])
    assert accuracy.hint == hints.OVERFITTED.format(claimed=0.99, mean=0.5) + hints.NOT_AS_TRAINED


def test_a_mean_that_misses_does_not_look_as_if_it_reached() -> None:
    accuracy, _time = judged([run(0.9498, hidden_images=10**8)] * 3)
    assert accuracy.earned == 0
    assert "Mean accuracy 0.949 (95 % interval 0.949 to 0.950)" in accuracy.message


def test_runs_that_were_set_aside_are_told() -> None:
    _accuracy, time = judged([run()] * 3 + [run(seconds=33.0, disturbed=BUSY)])
    assert time.message.endswith("1 more was set aside: the device was not free for you alone.")
    assert time.earned == 4


def test_the_loss_that_became_nan_is_told_with_its_epoch() -> None:
    gone = curve((1, 2.3, None), (2, math.nan, None), (3, math.nan, None))
    accuracy, _time = judged([run(0.1, curve=gone)] * 3)
    assert accuracy.message.endswith("The loss became NaN in epoch 2.")
    assert accuracy.hint == hints.LEARNING_RATE
    accuracy, _time = judged([failed(Outcome.ERROR, message="ValueError: labels.", curve=curve((0.5, math.inf, None)))])
    assert accuracy.message == "ValueError: labels. The loss became infinite in epoch 0.5."
    assert accuracy.hint == hints.LEARNING_RATE
    accuracy, _time = judged([failed(Outcome.TIMEOUT, seconds=61.0, curve=gone)])
    assert "so there is no accuracy. The loss became NaN in epoch 2." in accuracy.message


def test_a_loss_that_is_no_longer_a_number_costs_nothing_where_the_accuracy_is_there() -> None:
    accuracy, _time = judged([run(curve=curve((9, math.nan, None)))] * 3)
    assert (accuracy.earned, accuracy.hint) == (6, "")
    assert "NaN" not in accuracy.message


@pytest.mark.parametrize(
    ("one", "hint"),
    [
        (run(0.11), hints.GUESSED),
        (run(0.11, curve=curve((1, 2.3, 0.12))), hints.GUESSED),
        (run(0.11, curve=curve((1, 2.3, 0.5), (2, 0.1, 0.99))), hints.NOT_AS_TRAINED),
        (run(0.7, curve=curve((1, 0.1, 0.99))), "knows its training images by heart"),
        (run(0.8, curve=curve((1, 0.1, 0.99))), "by heart"),
        (run(0.8, curve=curve((1, 0.1, 99.0))), "Only 40 % of the time limit was used"),
        (run(0.8), "Only 40 % of the time limit was used"),
        (run(0.8, seconds=25.0, curve=curve((1, 0.1, 0.82))), hints.LEARN_BETTER),
    ],
    ids="guessed|nothing learnt|predict differs|overfitted|overfitted too|percent|time left|nearly".split("|"),
)
def test_what_the_runs_hint_at(one: TrainingRun, hint: str) -> None:
    accuracy, _time = judged([one] * 3)
    assert accuracy.outcome is Outcome.FAILED
    assert hint in accuracy.hint


def test_guessing_depends_on_the_number_of_classes() -> None:
    training = training_of(TIMED, [run(0.5)] * 3, REFERENCES, "cpu-0")
    assert verdict_lines(TIMED, training, classes=2)[0].hint == hints.GUESSED
    assert verdict_lines(TIMED, training, classes=10)[0].hint != hints.GUESSED


# Properties

passed_runs = st.builds(
    run,
    st.integers(0, 360).map(lambda hits: hits / 360),
    st.floats(0.1, 59.0),
    seed=st.integers(0, 2**62),
    disturbed=st.sampled_from(["", "", BUSY]),
    output=st.sampled_from(["", "a", "b"]),
    curve=st.sampled_from([(), curve((1, 0.1, 0.9)), curve((1, math.nan, 0.9))]),
)
failed_runs = st.builds(
    failed,
    st.sampled_from([Outcome.ERROR, Outcome.FAILED, Outcome.MEMORY, Outcome.KILLED, Outcome.TIMEOUT]),
    seed=st.integers(0, 2**62),
    message=st.sampled_from(["one", "two"]),
)
histories = st.lists(passed_runs | failed_runs, min_size=1, max_size=8, unique_by=lambda each: each.seed)


def outcome_of(runs: list[TrainingRun]) -> tuple[bool, Training, tuple[TestResult, TestResult]] | None:
    try:
        training = training_of(PARTS, runs, REFERENCES, "cpu-0")
    except InfrastructureError:
        return None
    return (
        needs_more_runs(PARTS, runs, 30.0),
        dataclasses.replace(training, runs=()),
        verdict_lines(PARTS, training),
    )


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_runs_changes_no_verdict_and_no_word_of_it(runs: list[TrainingRun], random: object) -> None:
    shuffled = list(runs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert outcome_of(shuffled) == outcome_of(runs)


@given(histories)
def test_every_verdict_is_whole(runs: list[TrainingRun]) -> None:
    found = outcome_of(runs)
    if found is None:
        return
    for result in found[2]:
        assert 0 <= result.earned <= result.points
        assert (result.outcome is Outcome.PASSED) == (result.earned == result.points)
        assert result.message


@given(st.lists(passed_runs, min_size=3, max_size=6), st.integers(0, 5), st.integers(1, 90))
def test_a_better_run_never_lowers_marks(runs: list[TrainingRun], which: int, gain: int) -> None:
    better = list(runs)
    one = runs[which % len(runs)]
    assert one.accuracy is not None
    better[which % len(runs)] = dataclasses.replace(one, accuracy=min(1.0, one.accuracy + gain / 360))
    before, after = outcome_of(runs), outcome_of(better)
    if before is None or after is None:
        assert before is after, "accuracy has no say in which runs count"
        return
    assert after[2][0].earned >= before[2][0].earned
    assert after[2][1].earned == before[2][1].earned
