"""What a terminal shows while timed tasks run: per device who trains and the learning curve; elsewhere lines."""

from __future__ import annotations

import contextlib
import math
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from gpu_runner.ports import Began, Ended, Event, Failed, Judged, Point, Waiting

if TYPE_CHECKING:
    from rich.console import RenderableType

BARS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 24  # characters of a live learning curve
REFERENCE = "(reference)"


@dataclass
class _DeviceRow:
    """What one device does now."""

    who: str = ""
    number: int = 0
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=SPARK_WIDTH))
    epoch: float | None = None
    accuracy: float | None = None


@contextlib.contextmanager
def shown_runs() -> Iterator[Callable[[Event], None]]:
    """Show events as they come, on stderr. Gives the function to call with each."""
    if not sys.stderr.isatty():
        yield lambda event: _echo(describe(event))
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    rows: dict[str, _DeviceRow] = {}
    with Live(_table(rows), console=console, transient=True, refresh_per_second=8) as live:

        def show(event: Event) -> None:
            _follow(rows, event)
            text = describe(event)
            if text:
                live.console.print(text, highlight=False, markup=False)
            live.update(_table(rows))

        yield show


def describe(event: Event) -> str:
    """One line for what is worth a line of its own; empty for the rest."""
    if isinstance(event, Waiting):
        return event.why
    if isinstance(event, Ended) and not event.student:
        run = event.run
        disturbed = f" (disturbed: {run.disturbed})" if run.disturbed else ""
        return f"{event.device}: reference {run.seconds:.2f} s, accuracy {run.accuracy or 0.0:.4f}{disturbed}"
    if isinstance(event, Ended) and event.run.disturbed and event.run.outcome != "passed":
        return f"{event.device}: a run of {_plain(event.student)} was disturbed: {event.run.disturbed}"
    if isinstance(event, Judged):
        training = event.training
        times = f"{training.seconds:.2f} s of {training.limit_seconds:.4g} s"
        if training.accuracy is None or training.low is None or training.high is None:
            return f"{training.device}: {_plain(event.job.student)} gave no predictions ({times})"
        sure = f"{training.low:.3f} to {training.high:.3f}"
        count = f"{len(training.runs)} run{'s' * (len(training.runs) != 1)}"
        return f"{training.device}: {_plain(event.job.student)} {training.accuracy:.4f} ({sure}, {count}), {times}"
    if isinstance(event, Failed):
        who = f" at {_plain(event.job.student)}" if event.job else ""
        return f"{event.device}: failed{who}: {event.error.what}"
    return ""


def sparkline(values: list[float]) -> str:
    """Values as a row of bars from the lowest to the highest; a mark of its own for what is no number.

    >>> sparkline([4.0, 2.0, 1.0, math.nan])
    '█▃▁×'
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] if math.isfinite(value) else "×" for value in values)


def _follow(rows: dict[str, _DeviceRow], event: Event) -> None:
    if isinstance(event, Began):
        rows[event.device] = _DeviceRow(_plain(event.student) or REFERENCE, event.number)
    elif isinstance(event, Ended):
        row = rows.setdefault(event.device, _DeviceRow())
        rows[event.device] = _DeviceRow(row.who, row.number + 1)
    elif isinstance(event, Point):
        row = rows.setdefault(event.device, _DeviceRow())
        row.epoch = event.point.epoch
        row.accuracy = event.point.accuracy if event.point.accuracy is not None else row.accuracy
        if event.point.loss is not None:
            row.losses.append(event.point.loss)


def _table(rows: dict[str, _DeviceRow]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for device, row in rows.items():
        epoch = f"epoch {row.epoch:g}" if row.epoch is not None else ""
        loss = f"loss {row.losses[-1]:.3g} {sparkline(list(row.losses))}" if row.losses else ""
        accuracy = f"accuracy {row.accuracy:.3f}" if row.accuracy is not None else ""
        cells = (device, row.who, f"run {row.number}", epoch, loss, accuracy)
        table.add_row(*(Text(cell, no_wrap=True) for cell in cells))
    return table


def _echo(text: str) -> None:
    if text:
        click.echo(text, err=True)


def _plain(name: str) -> str:
    """A student's folder may be called anything; a terminal gets what can be printed of it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:40]
