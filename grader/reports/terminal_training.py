"""Timed training in a terminal: the leaderboard, and the runs on a student's page."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from rich import box
from rich.cells import cell_len
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grader.model import Outcome, Training, TrainingRun
from grader.reports.console import Part, draw, paragraph
from grader.reports.curves import sparkline
from grader.reports.leaderboard import Leaderboard, Place
from grader.reports.text import OUTCOME_WORDS, interval, metric, one_line, seconds, times

_SHOWN_WIDTH = 28  # columns for a student
_DEVICE_WIDTH = 12  # a longer name is folded
_OTHERS_WIDTH = 27  # columns of rank, multiple and runs, and two spaces between each two of the seven
_DISTURBED = "~"  # behind the number of runs
_OVER = "!"  # behind a time over the limit


def leaderboard_table(board: Leaderboard, *, width: int = 80, color: bool = False) -> str:
    """Draw the ranked, then those without a rank by reason.

    :param width: columns of the terminal.
    :param color: whether to add ANSI colours.
    """
    parts: list[Part] = [Text(one_line(board.assignment.title), style="bold")]
    parts.append(
        f"First those who reach {metric(board.thresholds.full)}, by median time; then the others, by accuracy."
        + (" Judged on the small data set." if board.small else "")
    )
    parts += ["", _table(board, width)] if board.places else ["", "Nobody has a result yet."]
    if board.by_multiple:
        parts.append("Several kinds of device: times are compared as multiples of the reference's.")
    legend = [f"{_OVER} over the time limit"] * any(not place.in_time for place in board.places)
    legend += [f"{_DISTURBED} with disturbed runs"] * any(place.disturbed for place in board.places)
    if legend:
        parts.append("; ".join(legend))
    for reason, group in itertools.groupby(board.unranked, key=lambda entry: entry.reason):
        shown = [one_line(entry.shown, _SHOWN_WIDTH) for entry in group]
        parts += ["", Text.assemble((f"{reason} ({len(shown)}): ", "bold"), ", ".join(shown), overflow="fold")]
    return draw(parts, width, color)


def training_part(training: Training) -> Iterator[Part]:
    """What the timed runs of one submission came to, with a line for each and its learning curve as a row of blocks."""
    accuracy = "none, for a run gave no predictions" if training.accuracy is None else metric(training.accuracy)
    bounds = interval(training.low, training.high)
    yield paragraph(
        f"timed runs: mean accuracy {accuracy}{f' (95% interval {bounds})' if bounds else ''}, "
        f"median time {seconds(training.seconds)}; limit {seconds(training.limit_seconds)}, "
        f"reference {seconds(training.reference_seconds)} on {one_line(training.device, 60)}"
        + ("; judged on the small data set" if training.small else "")
    )
    for number, run in enumerate(training.runs, start=1):
        yield _run_line(number, run)
        if run.message.strip():
            yield paragraph(one_line(run.message, 400), indent=6)
        if run.disturbed:
            yield paragraph(f"disturbed: {one_line(run.disturbed, 400)}", indent=6)


def _run_line(number: int, run: TrainingRun) -> Padding:
    """The figures stand below those of the other runs; in a narrow terminal the end of the line goes over."""
    passed = run.outcome is Outcome.PASSED
    measure = "loss" if any(point.loss is not None for point in run.curve) else "accuracy"
    blocks = sparkline(run.curve, measure)
    accuracy = "–" if run.accuracy is None else metric(run.accuracy)
    outcome = "finished" if passed else OUTCOME_WORDS[run.outcome]
    line = Text.assemble(
        f"{number:>2}  {accuracy:>6}  {seconds(run.seconds):>8}  ",
        (f"{outcome:<13}", "green" if passed else "red"),
        f"  seed {run.seed}" + (f"  {measure} {blocks}" if blocks else ""),
        overflow="fold",
    )
    return Padding(line, (0, 0, 0, 2))


def _table(board: Leaderboard, width: int) -> Table:
    """Where there is no room for the whole, first the intervals are left out, then the device."""

    def widest(cells: Iterable[str]) -> int:
        return max(map(cell_len, cells))

    room = width - widest(one_line(place.shown, _SHOWN_WIDTH) for place in board.places) - _OTHERS_WIDTH
    room -= widest(_time(place) for place in board.places)
    device = min(widest(["device", *(one_line(place.training.device) for place in board.places)]), _DEVICE_WIDTH)
    intervals = room >= device + widest(_accuracy(place, True) for place in board.places)
    devices = intervals or room >= device + len("accuracy")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("student", no_wrap=True, max_width=_SHOWN_WIDTH)
    for title in ("accuracy", "time", "of ref.", "runs"):
        table.add_column(title, justify="right", no_wrap=True)
    if devices:
        table.add_column("device", overflow="fold")
    for place in board.places:
        table.add_row(
            str(place.rank),
            one_line(place.shown, _SHOWN_WIDTH),
            Text(_accuracy(place, intervals), style="green" if place.full else "yellow"),
            _time(place),
            times(place.multiple),
            f"{len(place.training.runs)}{_DISTURBED if place.disturbed else ''}",
            *([one_line(place.training.device, 40)] if devices else []),
        )
    return table


def _time(place: Place) -> str:
    return seconds(place.training.seconds) + ("" if place.in_time else _OVER)


def _accuracy(place: Place, intervals: bool) -> str:
    bounds = interval(place.training.low, place.training.high) if intervals else ""
    return metric(place.accuracy) + (f" ({bounds})" if bounds else "")
