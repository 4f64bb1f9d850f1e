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

    from grader.model import Training

BARS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 16  # characters of a live learning curve; the whole row then fits into 80 columns
REFERENCE = "(reference)"


@dataclass
class _DeviceRow:
    """What one device does now."""

    who: str = ""
    number: int = 0
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=SPARK_WIDTH))
    epoch: float | None = None
    accuracy: float | None = None


class _Count:
    """How many submissions have their verdict."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def marked(self, event: Event, text: str) -> str:
        """The line of an event, with a verdict's number in front."""
        if not isinstance(event, Judged):
            return text
        self.done += 1
        return f"[{self.done}/{self.total}] {text}" if self.total else text


@contextlib.contextmanager
def shown_runs(total: int = 0) -> Iterator[Callable[[Event], None]]:
    """Show events as they come, on stderr. Gives the function to call with each.

    :param total: how many submissions are to get a verdict; 0: it is not known.
    """
    count = _Count(total)
    if not sys.stderr.isatty():

        def tell(event: Event) -> None:
            # Verdicts wait for the reference, minutes perhaps: a log says meanwhile whose turn it is.
            text = describe(event)
            if isinstance(event, Began) and event.student:
                text = f"{event.device}: {_plain(event.student)} trains"
            if text:
                click.echo(count.marked(event, text), err=True)

        yield tell
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
                text = count.marked(event, text)
                live.console.print(text, highlight=False, markup=False, no_wrap=True, overflow="ellipsis")
            live.update(_table(rows))

        yield show


def describe(event: Event) -> str:
    """One line for what is worth a line of its own; empty for the rest."""
    if isinstance(event, Waiting):
        return event.why
    if isinstance(event, Ended) and not event.student:
        run = event.run
        disturbed = f" (disturbed: {run.disturbed})" if run.disturbed else ""
        return f"{event.device}: reference {_seconds(run.seconds)}, accuracy {run.accuracy or 0.0:.4f}{disturbed}"
    if isinstance(event, Ended) and event.run.disturbed and event.run.outcome != "passed":
        return f"{event.device}: a run of {_plain(event.student)} was disturbed: {event.run.disturbed}"
    if isinstance(event, Judged):
        return f"{event.training.device}: {_plain(event.job.student)} {_verdict(event.training)}"
    if isinstance(event, Failed):
        who = f" at {_plain(event.job.student)}" if event.job else ""
        return f"{event.device}: failed{who}: {event.error.what}"
    return ""


def _verdict(training: Training) -> str:
    from gpu_runner.judgement import counting, failures
    from grader.reports.text import OUTCOME_WORDS

    times = f"{_seconds(training.seconds)} of {_seconds(training.limit_seconds)}"
    if training.accuracy is None or training.low is None or training.high is None:
        failed = failures(counting(training.runs, training.limit_seconds))
        why = f": {OUTCOME_WORDS[failed[0].outcome]}" if failed else ""
        return f"no predictions{why} ({times})"
    sure = f"{training.low:.3f} to {training.high:.3f}"
    count = f"{len(training.runs)} run{'s' * (len(training.runs) != 1)}"
    return f"{training.accuracy:.4f} ({sure}, {count}), {times}"


def _seconds(seconds: float) -> str:
    """Two decimals, three below a second.

    >>> _seconds(0.0056), _seconds(46.237)
    ('0.006 s', '46.24 s')
    """
    return f"{seconds:.{3 if seconds < 1 else 2}f} s"


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
        if row.epoch is not None and event.point.epoch < row.epoch:  # a disturbed run is repeated
            row.losses.clear()
            row.accuracy = None
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


def _plain(name: str) -> str:
    """A student's folder may be called anything; a terminal gets what can be printed of it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:40]
