"""The table [timed] of an assignment.toml → :class:`~grader.model.Timed`."""

from __future__ import annotations

import dataclasses
from typing import Any

from grader.course.table import Table, nearest
from grader.model import TestSpec, Timed

METRICS = ("accuracy", "balanced accuracy")
DEVICES = ("any", "cuda")
# The names of the two lines of a report that timed runs decide; no test function can be called so.
ACCURACY, TIME = "accuracy", "time"
# What [timed.small] may not change: one report has one list of points.
WHOLE_TASK = ("accuracy_points", "time_points", "small")
# Above any data set or machine of a course, low enough that unit conversions stay within 64 bits.
MOST = 10_000_000


def read_timed(table: Table) -> Timed:
    """Read the table.

    :raises ConfigError: a key is missing, unknown, of the wrong type or out of its range.
    """
    timed = _read(table, None)
    if "small" in table.values:
        timed = dataclasses.replace(timed, small=_read(table.table("small"), timed))
    return timed


def timed_specs(timed: Timed) -> tuple[TestSpec, TestSpec]:
    """The two lines that timed runs decide, as they stand beside the tests of the suites."""
    least = "" if timed.part_from is None else f", part marks from {_percent(timed.part_from)}"
    return (
        TestSpec(ACCURACY, f"Accuracy on hidden images: {_percent(timed.full)}{least}", timed.accuracy_points,
                 "", visible=False, timed=True),
        TestSpec(TIME, "Trained and predicted within the time limit", timed.time_points, "", visible=False, timed=True),
    )  # fmt: skip


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _read(table: Table, whole: Timed | None) -> Timed:
    """One table; with ``whole`` it is [timed.small], which takes from the whole task what it does not say."""
    fields = {field.name: field for field in dataclasses.fields(Timed)}
    known = [name for name in fields if whole is None or name not in WHOLE_TASK]
    table.only(known)

    def default(name: str) -> Any:
        if whole is not None:
            return getattr(whole, name)
        value = fields[name].default
        return None if value is dataclasses.MISSING else value

    def number(name: str, **bounds: float) -> float:
        return table.number(name, default(name), **bounds)

    def integer(name: str, **bounds: int) -> int:
        return table.integer(name, default(name), **bounds)

    full = number("full", most=1.0)
    part_from = number("part_from", most=1.0) if "part_from" in table.values else default("part_from")
    if part_from is not None and part_from >= full:
        table.fail("part_from", f'"part_from" is {part_from:g} and "full" {full:g}', "it must lie below it")
    seeds = integer("seeds", least=3, most=50)
    max_seeds = integer("max_seeds", least=1, most=50)
    if max_seeds < seeds:
        table.fail("max_seeds", f'"max_seeds" is {max_seeds} and "seeds" {seeds}', "it must be at least as many")
    metric = table.string("metric", default("metric"))
    if metric not in METRICS:
        table.fail("metric", f'"metric" is "{metric}"', nearest(metric, METRICS))
    device = table.string("device", default("device"))
    if device not in DEVICES:
        table.fail("device", f'"device" is "{device}"', nearest(device, DEVICES))
    return Timed(
        dataset=table.string("dataset", default("dataset")),
        train_images=integer("train_images", most=MOST),
        hidden_images=integer("hidden_images", least=100, most=MOST),
        full=full,
        accuracy_points=whole.accuracy_points if whole else number("accuracy_points"),
        time_points=whole.time_points if whole else number("time_points"),
        multiple=number("multiple", above=1.0, most=1000),
        floor_seconds=number("floor_seconds", most=MOST),
        part_from=part_from,
        part_steps=integer("part_steps", most=20),
        metric=metric,
        device=device,
        seeds=seeds,
        max_seeds=max_seeds,
        hard_stop=number("hard_stop", above=1.0, most=100),
        shift_pixels=integer("shift_pixels", least=0, most=8),
        noise=integer("noise", least=0, most=64),
        gpu_memory_mb=integer("gpu_memory_mb", most=MOST),
        gpu_share=number("gpu_share", most=1.0),
        budget_seconds=number("budget_seconds", most=MOST),
        reference_every=integer("reference_every", most=1000),
        source_kb=integer("source_kb", most=MOST),
    )
