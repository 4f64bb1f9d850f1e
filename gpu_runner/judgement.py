"""From timed runs to a verdict: which runs count, whether more are needed, and what the student is told.

Pure functions; the order of the runs changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from gpu_runner.confidence import DUST, accuracy_fraction, interval, thresholds, undecided
from gpu_runner.devices.base import COST, GIVEN
from gpu_runner.hints import accuracy_hint, bad_loss, failure_hint, time_hint
from grader.course.timed import timed_specs
from grader.errors import InfrastructureError, TaskError
from grader.model import Outcome, TestResult, TestSpec, Timed, Training, TrainingRun

# The kernel's count of waiting and our sampling of it are that much apart.
ALL_BUT = 0.95


def is_void(run: TrainingRun, limit_seconds: float) -> bool:
    """Whether a run says nothing about the submission.

    What disturbs a device makes a run slower or takes its memory, so a disturbed run that was late, stopped, or
    ended for want of memory does not count; unless it was late by more than the disturbance can have cost, or was
    stopped after it had all the time of its own that a run may have, as an endless loop has. One that passed within
    the limit does count, and so does one that raised or gave predictions of the wrong form: no neighbour brings
    that about. A run without an outcome is no evidence either, nor is one that was stopped within the limit: by an
    earlier one, which later runs of the reference have raised. A device that tells what a disturbance has cost in
    seconds is a CPU, whose neighbours take time and no memory.
    """
    if run.outcome is Outcome.NOT_RUN or (run.outcome is Outcome.TIMEOUT and run.seconds <= limit_seconds):
        return True
    late = run.seconds > limit_seconds and run.outcome in (Outcome.PASSED, Outcome.TIMEOUT)
    if late and own_seconds(run) > limit_seconds:
        stopped_early = own_seconds(run) < ALL_BUT * run.conditions.get(GIVEN, 0.0)
        return run.outcome is Outcome.TIMEOUT and stopped_early
    starved = run.outcome in (Outcome.MEMORY, Outcome.KILLED) and COST not in run.conditions
    return bool(run.disturbed) and (late or starved or run.outcome is Outcome.TIMEOUT)


def own_seconds(run: TrainingRun) -> float:
    """At least so many of a run's seconds were its own; all of them where nothing disturbed it."""
    return run.seconds - float(run.conditions.get(COST, math.inf)) if run.disturbed else run.seconds


def counting(runs: Sequence[TrainingRun], limit_seconds: float) -> tuple[TrainingRun, ...]:
    """The runs that count, in their order: those that are not void."""
    return tuple(run for run in runs if not is_void(run, limit_seconds))


def failures(runs: Sequence[TrainingRun]) -> tuple[TrainingRun, ...]:
    """The runs that brought no predictions of the right form, the most telling first.

    An exception says more than a process that was killed, and any of them more than that the time was up.
    """
    telling = (Outcome.ERROR, Outcome.FAILED, Outcome.MEMORY, Outcome.KILLED, Outcome.TIMEOUT)
    failed = [run for run in runs if run.outcome in telling]
    return tuple(sorted(failed, key=lambda run: (telling.index(run.outcome), run.seed)))


def reference_seconds(reference_runs: Sequence[TrainingRun]) -> float:
    """Median wall seconds of the reference's runs that passed.

    Disturbed ones are left out, unless all were: then submissions ran on the same disturbed device.

    :raises TaskError: none of them passed.
    """
    passed = [run for run in reference_runs if run.outcome is Outcome.PASSED]
    if not passed:
        first = failures(reference_runs)
        said = f": {first[0].outcome}{f' ({first[0].message})' * bool(first[0].message)}" if first else ""
        raise TaskError(f"no run of the reference has passed{said}", remedy="mend the reference, or free the device")
    return median(run.seconds for run in [run for run in passed if not run.disturbed] or passed)


def limit_seconds(timed: Timed, reference_runs: Sequence[TrainingRun]) -> float:
    """The time limit in wall seconds: the reference's median times the task's multiple, never below the task's floor.

    :raises TaskError: no run of the reference has passed.
    """
    return max(timed.floor_seconds, timed.multiple * reference_seconds(reference_runs))


def needs_more_runs(timed: Timed, runs: Sequence[TrainingRun], limit_seconds: float) -> bool:
    """Whether the submission must be run again before it is judged.

    One failed run that counts settles it: code must work with every seed, and further seeds would not
    take the failure back. Else there must be ``seeds`` runs that count, and up to ``max_seeds`` while a threshold
    lies inside the interval of their mean.
    """
    counted = counting(runs, limit_seconds)
    if failures(counted):
        return False
    if len(counted) < timed.seeds:
        return True
    return len(counted) < timed.max_seeds and undecided(timed, interval(*figures(counted)))


def figures(counted: Sequence[TrainingRun]) -> tuple[list[float], int]:
    """The accuracies of runs that have one, and their hidden images together: the arguments of :func:`interval`."""
    passed = [run for run in counted if run.accuracy is not None]
    return [run.accuracy for run in passed if run.accuracy is not None], sum(run.hidden_images for run in passed)


def training_of(
    timed: Timed,
    runs: Sequence[TrainingRun],
    reference_runs: Sequence[TrainingRun],
    device: str,
    *,
    small: bool = False,
) -> Training:
    """What the runs of a submission came to.

    :param timed: the variant that was run: [timed], or with ``small`` its [timed.small].
    :param reference_runs: those of the same session, on the same device.
    :raises TaskError: no run of the reference has passed.
    :raises InfrastructureError: too few runs count, because the device was disturbed; nothing can be said.
    """
    limit = limit_seconds(timed, reference_runs)
    counted = counting(runs, limit)
    failed = bool(failures(counted))
    if not failed and len(counted) < timed.seeds:
        void = next((run.disturbed for run in runs if is_void(run, limit) and run.disturbed), "")
        raise InfrastructureError(
            f"{len(counted)} of {len(runs)} runs count, and {timed.seeds} are needed{f': {void}' * bool(void)}",
            where=device,
            remedy="free the device and run it again; nothing is charged to the student",
        )
    measured = None if failed else interval(*figures(counted))
    return Training(
        runs=tuple(runs),
        accuracy=measured.mean if measured else None,
        low=measured.low if measured else None,
        high=measured.high if measured else None,
        # Where some were left alone, theirs are the times: a disturbed run can only have been slower.
        seconds=median(run.seconds for run in [run for run in counted if not run.disturbed] or counted),
        limit_seconds=limit,
        reference_seconds=reference_seconds(reference_runs),
        device=device,
        small=small,
    )


def verdict_lines(timed: Timed, training: Training, *, classes: int = 10) -> tuple[TestResult, TestResult]:
    """The two lines of the report that timed runs decide: accuracy and time, each judged on its own.

    A failed run costs the accuracy line, with its outcome, words and frames; no time was measured then. A run that was
    stopped costs the time line, and no accuracy was measured.

    :param timed: the variant that was run: [timed], or its [timed.small] where ``training.small``.
    :param classes: of the data set; it tells guessing from learning.
    """
    counted = counting(training.runs, training.limit_seconds)
    accuracy, time = timed_specs(timed)
    failed = failures(counted)
    if not failed:
        return _accuracy_line(accuracy, timed, training, counted, classes), _time_line(time, timed, training, counted)
    stopped = [run for run in failed if run.outcome is Outcome.TIMEOUT]
    if failed[0].outcome is Outcome.TIMEOUT:
        missing = _told(
            "No predictions came in before the run was stopped, so there is no accuracy.", bad_loss(failed[:1])
        )
        lost = _result(accuracy, counted, 0.0, Outcome.NOT_RUN, missing)
    else:
        lost = _failed_line(accuracy, counted, failed[0])
    if not stopped:
        return lost, _result(time, (), 0.0, Outcome.NOT_RUN, "No time was measured, because a run failed.")
    said = f"Stopped after {_seconds(stopped[0].seconds)}; {_limit(timed, training)}."
    hint = time_hint(timed, training, stopped)
    where = stopped[0].traceback  # an endless loop is found by the line where it was stopped
    return lost, _result(time, (), 0.0, Outcome.TIMEOUT, said, hint, traceback=where, seconds=stopped[0].seconds)


def _accuracy_line(
    spec: TestSpec, timed: Timed, training: Training, counted: Sequence[TrainingRun], classes: int
) -> TestResult:
    accuracies, images = figures(counted)
    measured = interval(accuracies, images)
    fraction = accuracy_fraction(timed, accuracies, images)
    said = (
        f"Mean {timed.metric} {_down(measured.mean)} (95 % interval {_down(measured.low)} to {_up(measured.high)}) "
        f"over {len(counted)} runs; {timed.full:g} earns all marks"
    )
    earned_at = max((mean for mean, earns in thresholds(timed) if earns <= fraction), default=None)
    if earned_at is not None and fraction < 1:
        parts = timed.part_steps + 1
        said += f", {_down(earned_at)} earns {round(fraction * parts)} of {parts} parts of them"
    elif fraction < 1 and timed.part_from is not None:
        said += f", part marks begin at {timed.part_from:g}"
    said += "."
    if earned_at is not None and measured.mean + DUST < earned_at:
        said += f" {_down(earned_at)} lies within the interval, and what the runs leave open is decided for you."
    missed = min((mean for mean, earns in thresholds(timed) if earns > fraction), default=None)
    if missed is not None and measured.holds(missed):
        said += f" {_down(missed)} lies within the interval only because the runs differ so much; that does not count."
    passed = fraction == 1
    hint = "" if passed else accuracy_hint(training, counted, classes)
    outcome = Outcome.PASSED if passed else Outcome.FAILED
    return _result(spec, counted, fraction, outcome, _told(said, "" if passed else bad_loss(counted)), hint)


def _time_line(spec: TestSpec, timed: Timed, training: Training, counted: Sequence[TrainingRun]) -> TestResult:
    within = training.seconds <= training.limit_seconds
    said = f"Median {_seconds(training.seconds)} over {len(counted)} runs; {_limit(timed, training)}."
    void = len(training.runs) - len(counted)
    if void:
        said += f" {void} more {'was' if void == 1 else 'were'} set aside: the device was not free for you alone."
    hint = "" if within else time_hint(timed, training, counted)
    outcome = Outcome.PASSED if within else Outcome.TIMEOUT
    return _result(spec, (), float(within), outcome, said, hint, seconds=training.seconds)


def _failed_line(spec: TestSpec, counted: Sequence[TrainingRun], failed: TrainingRun) -> TestResult:
    passed = sum(run.outcome is Outcome.PASSED for run in counted)
    said = failed.message
    if passed:
        said = _told(said, f"{passed} of {len(counted)} runs passed, but the code must work with every seed")
    said = _told(said, bad_loss([failed]))
    return _result(spec, counted, 0.0, failed.outcome, said, failure_hint(failed), traceback=failed.traceback)


def _result(
    spec: TestSpec,
    printed_by: Sequence[TrainingRun],
    fraction: float,
    outcome: Outcome,
    message: str,
    hint: str = "",
    *,
    traceback: str = "",
    seconds: float = 0.0,
) -> TestResult:
    """One line; ``printed_by`` are the runs whose output it shows, the same output of several runs once."""
    outputs = sorted((run.seed, run.output) for run in printed_by if run.output)
    return TestResult(
        name=spec.name,
        title=spec.title,
        points=spec.points,
        earned=spec.points if fraction == 1 else round(spec.points * fraction, 6),
        outcome=outcome,
        hint=hint,
        message=message,
        traceback=traceback,
        output="".join(dict.fromkeys(output for _seed, output in outputs)),
        seconds=seconds,
    )


def _told(said: str, more: str) -> str:
    """Two sentences, the second made one from a clause; either may be empty."""
    if not more:
        return said
    end = "" if said.endswith((".", "!", "?", ":")) or not said else "."
    return f"{said}{end} {more[:1].upper()}{more[1:]}.".strip()


def _limit(timed: Timed, training: Training) -> str:
    return (
        f"the limit is {_seconds(training.limit_seconds)} ({timed.multiple:g} times the reference's "
        f"{_seconds(training.reference_seconds)}, never below {_seconds(timed.floor_seconds)})"
    )


def _seconds(seconds: float) -> str:
    """Rounded up, so that no time looks like a limit that it exceeds."""
    digits = 2 if seconds >= 1 else 4
    return f"{math.ceil(seconds * 10**digits - DUST) / 10**digits:g} s" if seconds < 1000 else f"{math.ceil(seconds)} s"


def _down(share: float) -> str:
    """Three decimals, rounded down, so that no mean looks like a threshold that it misses."""
    return f"{math.floor(share * 1000 + DUST * 1000) / 1000:.3f}"


def _up(share: float) -> str:
    return f"{math.ceil(share * 1000 - DUST * 1000) / 1000:.3f}"
