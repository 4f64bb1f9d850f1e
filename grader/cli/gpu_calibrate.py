"""``grader gpu calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.common import data_option, json_option, open_course, print_json, shown_path
from grader.cli.gpu_run import device_options

if TYPE_CHECKING:
    from gpu_runner.calibration import Calibration, Spread, Summary
    from grader.model import Course, Timed, TrainingRun

MOST_TRIES = 3  # times the runs that are asked for: where more of them are disturbed, the machine is not fit for it


@click.command(short_help="Measure a task's reference on this device.")
@click.argument("task")
@click.option("--runs", type=click.IntRange(10, 1000), default=20, show_default=True, help="Runs of the reference.")
@device_options
@data_option
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@json_option
def calibrate(
    task: str, runs: int, device: str | None, small: bool, folder: Path | None, dry_run: bool, as_json: bool
) -> int:
    """Run the reference of a timed TASK again and again, each time with another draw of the data.

    Prints how its time and accuracy are distributed, the chance that an honest copy of it would lose marks, and what
    thresholds follow; keeps the figures in autotests/TASK/calibration.json, without which `grader verify` refuses the
    task. Exit code 1 where that chance is not below 1 %.
    """
    import platform
    from datetime import UTC, datetime

    from gpu_runner.calibration import calibration_of, summary, timed_variant, write_calibration
    from gpu_runner.chances import MOST_CHANCE
    from grader.course import select_assignments

    course = open_course()
    (assignment,) = select_assignments(course, [task])
    timed = timed_variant(assignment, small)
    measured, model = _measure(course, task, runs, device, small=small, folder=folder)
    versions = {"python": platform.python_version(), **measured[0].conditions.get("versions", {})}
    entry = calibration_of(assignment, measured, model, versions, datetime.now(UTC), small=small)
    found = summary(entry, timed)
    if as_json:
        print_json(_as_dict(entry, found))
    else:
        click.echo(describe(entry, found, timed))
    if not dry_run:
        click.echo(f"kept in {shown_path(write_calibration(assignment.autotests, entry))}", err=True)
    return 0 if found.chances.either < MOST_CHANCE else 1


def _measure(
    course: Course, task: str, runs: int, device: str | None, *, small: bool, folder: Path | None
) -> tuple[list[TrainingRun], str]:
    """The reference's runs, and the model of the device that they ran on."""
    import shutil
    import sys

    from gpu_runner.session import Session, secret_seeds
    from grader.cli.timed import (
        TimedOptions,
        load_data,
        open_devices,
        timed_of,
        timed_task,
        wait_for_device,
        with_variant,
    )
    from grader.course import select_assignments
    from grader.sandbox import open_sandbox

    (assignment,) = select_assignments(with_variant(course, small=small), [task])
    timed = timed_of(assignment)
    options = TimedOptions(folder, device, 1, small)
    chosen = open_devices(timed, options)[0]
    pool = load_data(timed, options)
    measured: list[TrainingRun] = []
    quiet = 0  # runs that nothing disturbed; the others say nothing, and are replaced
    with (
        chosen.lock(wait=wait_for_device(chosen.name)),
        Session(
            timed_task(assignment, small=small), pool, chosen, open_sandbox("bubblewrap"), secret_seeds(timed.max_seeds)
        ) as session,
    ):
        for seed in secret_seeds(MOST_TRIES * runs):
            run = session.run_reference(seed=seed)
            measured.append(run)
            quiet += not run.disturbed
            told = "set aside, disturbed: " + run.disturbed if run.disturbed else f"run {quiet} of {runs}"
            said = f"{told}: {run.seconds:.3f} s, accuracy {run.accuracy or 0.0:.4f}"
            live = sys.stderr.isatty()
            if live:  # one line, written over; a longer one would stay
                said = f"\r\x1b[K{said[: shutil.get_terminal_size().columns - 1]}"
            click.echo(said, err=True, nl=not live or quiet == runs)
            if quiet == runs:
                break
    return measured, chosen.model


def describe(entry: Calibration, found: Summary, timed: Timed) -> str:
    """The summary for a terminal."""

    def row(name: str, unit: str, spread: Spread, digits: int) -> str:
        low, middle, high = (f"{each:.{digits}f}" for each in spread.quantiles)
        return (
            f"{name:<10} mean {spread.mean:.{digits}f}{unit}, standard deviation {spread.deviation:.{digits}f}, "
            f"5 % {low}, median {middle}, 95 % {high}"
        )

    chances = found.chances
    return "\n".join(
        (
            f"{found.runs} runs on {entry.device_model}, {entry.dataset}" + " ([timed.small])" * entry.small,
            row("time", " s", found.seconds, 3),
            row("accuracy", "", found.accuracy, 4),
            f"an honest copy loses marks: accuracy {100 * chances.accuracy:.2f} %, time {100 * chances.time:.2f} %, "
            f"either {100 * chances.either:.2f} % (must be below 1 %)",
            f"full = {timed.full:g}; up to {found.suggested_full:g} would do",
            f"multiple = {timed.multiple:g} (limit at least {timed.floor_seconds:g} s); "
            f"{found.suggested_multiple:g} and more would do",
        )
    )


def _as_dict(entry: Calibration, found: Summary) -> dict[str, object]:
    import dataclasses

    return {
        "device": entry.device_model,
        "dataset": entry.dataset,
        "small": entry.small,
        "seconds": list(entry.seconds),
        "accuracies": list(entry.accuracies),
        "summary": dataclasses.asdict(found),
    }
