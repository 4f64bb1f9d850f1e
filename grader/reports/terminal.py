"""Reports for a terminal: the class table, a student's page, the changes of a regrade.

Every meaning has a word or a sign of its own; colour only repeats it.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from grader.model import Assignment, GradeReport, Outcome, Status, TestResult
from grader.reports.class_report import ClassReport, StudentRow, is_lost
from grader.reports.compare import Difference
from grader.reports.console import Part, draw, paragraph, quoted
from grader.reports.statistics import fraction, marks
from grader.reports.terminal_training import training_part
from grader.reports.text import OUTCOME_WORDS, STATUS_WORDS, clean, count, number, one_line, outcome_of, percent

_ID_WIDTH = 20  # columns for a student's id in the class table
_NO_MARK = {Status.MISSING: "-", Status.UNREADABLE: "U", Status.BROKEN: "B", Status.NOT_GRADED: "?"}
_PENDING = "*"
_WORDS = {str(key): words for key, words in (*STATUS_WORDS.items(), *OUTCOME_WORDS.items())}
_COLOURS = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "yellow",
    Outcome.NOT_RUN: "dim",
}


def look(stream: TextIO) -> tuple[int, bool]:
    """The width in columns and whether to use colour: what :func:`class_table` and its neighbours want to know.

    A file or a pipe gets 80 columns, or $COLUMNS, and no colour; nor does a terminal where $NO_COLOR is set.
    """
    return shutil.get_terminal_size((80, 24)).columns, stream.isatty() and not os.environ.get("NO_COLOR")


def class_table(report: ClassReport, *, width: int = 80, color: bool = False) -> str:
    """Draw students by assignments with marks, totals and a summary; wider classes continue in a second table.

    :param width: columns of the terminal.
    :param color: whether to add ANSI colours.
    """
    parts: list[Part] = []
    for group in _groups(report, width):
        parts += [_table(report, group, last=group[-1] == len(report.assignments) - 1), ""]
    return draw([*parts, _summary(report)], width, color)


def student_page(row: StudentRow, assignments: Sequence[Assignment], *, width: int = 80, color: bool = False) -> str:
    """Write one student's page: per assignment each lost test with its hint and evidence, then what passed."""
    head = Table.grid(expand=True)
    head.add_column(overflow="fold")
    head.add_column(justify="right", no_wrap=True)
    name = Text.assemble((one_line(row.student.id), "bold"), "  ", one_line(row.student.name))
    head.add_row(name, f"{number(row.score)} of {number(row.max_score)} points")
    parts: list[Part] = [head]
    for assignment, report, pending in zip(assignments, row.reports, row.pending, strict=True):
        parts.extend(_assignment(assignment, report, pending))
    return draw(parts, width, color)


def differences_table(changes: Sequence[Difference], *, width: int = 80, color: bool = False) -> str:
    """List the changes of a regrade, old against new; one line per changed mark and test."""
    if not changes:
        return "Nothing changes.\n"
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("student", "assignment", "test"):
        table.add_column(title, overflow="fold")
    table.add_column("old", overflow="fold")
    table.add_column("new", overflow="fold")
    table.add_column("points", justify="right", no_wrap=True)
    place = None
    for change in changes:
        same = place == (change.student, change.assignment)
        place = (change.student, change.assignment)
        table.add_row(
            "" if same else one_line(change.student),
            "" if same else change.assignment,
            one_line(change.title),
            _side(change.old_outcome, change.old_earned),
            _side(change.new_outcome, change.new_earned),
            Text(f"{change.gain:+.2f}".rstrip("0").rstrip("."), style="green" if change.gain > 0 else "red"),
        )
    whole = [change for change in changes if not change.test]
    won, cost = sum(change.gain > 0 for change in whole), sum(change.gain < 0 for change in whole)
    return draw([table, f"{count(won, 'mark')} up, {count(cost, 'mark')} down."], width, color)


def _side(outcome: str, earned: float | None) -> str:
    if not outcome:
        return "no such test"
    words = _WORDS[outcome]
    return words if earned is None else f"{words} ({number(earned)})"


def _groups(report: ClassReport, width: int) -> Iterator[list[int]]:
    """Indices of the assignments that fit beside one another."""
    room = width - max(map(cell_len, ["student", *(one_line(row.student.id, _ID_WIDTH) for row in report.rows)]))
    room -= max(map(len, ["total", *(number(row.score) + _PENDING for row in report.rows)])) + 4
    group: list[int] = []
    used = 0
    for index, assignment in enumerate(report.assignments):
        cells = (_cell(row.reports[index], bool(row.pending[index])).plain for row in report.rows)
        needed = max(map(len, [*_heading(assignment).split("\n"), *cells])) + 2
        if group and used + needed > room:
            yield group
            group, used = [], 0
        group.append(index)
        used += needed
    if group:
        yield group


def _heading(assignment: Assignment) -> str:
    """The name broken at its underscores, so that six of them fit into 80 columns."""
    return "\n".join([*assignment.name.split("_"), f"/{number(assignment.points)}"])


def _table(report: ClassReport, group: list[int], *, last: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column("student", no_wrap=True, max_width=_ID_WIDTH, vertical="bottom")
    for index in group:
        table.add_column(_heading(report.assignments[index]), justify="right", no_wrap=True, vertical="bottom")
    if last:
        points = sum(assignment.points for assignment in report.assignments)
        table.add_column(f"total\n/{number(points)}", justify="right", no_wrap=True, vertical="bottom")
    for row in report.rows:
        cells = [_cell(row.reports[index], bool(row.pending[index])) for index in group]
        total = [Text(number(row.score) + ("" if row.complete else _PENDING), style="bold")] if last else []
        table.add_row(one_line(row.student.id, _ID_WIDTH), *cells, *total)
    return table


def _cell(report: GradeReport, pending: bool) -> Text:
    sign = _NO_MARK.get(report.status)
    if sign is not None:
        return Text(sign, style="dim" if report.status is Status.MISSING else "bold magenta")
    share = fraction(report)
    style = "green" if share == 1 else "yellow" if share >= 0.5 else "red"
    return Text(number(report.score or 0.0) + (_PENDING if pending else ""), style=style)


def _summary(report: ClassReport) -> Text:
    statuses = Counter(each.status for each in report.reports)
    lines = [
        f"{count(len(report.rows), 'student')}, {count(len(report.assignments), 'assignment')}: "
        + ", ".join(f"{statuses[status]} {STATUS_WORDS[status]}" for status in Status if statuses[status])
    ]
    legend = [f"{sign} {STATUS_WORDS[status]}" for status, sign in _NO_MARK.items() if statuses[status]]
    if any(not row.complete for row in report.rows):
        legend.append(f"{_PENDING} something of it is not graded yet")
    if legend:
        lines.append("; ".join(legend))
    means = [
        f"{assignment.name} {percent(mean)}"
        for index, assignment in enumerate(report.assignments)
        if (mean := marks(report.column(index)).mean) is not None
    ]
    if means:
        lines.append("mean of those handed in: " + ", ".join(means))
    return Text("\n".join(lines))


def _assignment(assignment: Assignment, report: GradeReport, pending: GradeReport | None) -> Iterator[Part]:
    head = Table.grid(expand=True)
    head.add_column(overflow="fold")
    head.add_column(justify="right", no_wrap=True)
    score = "no mark yet" if report.score is None else f"{number(report.score)} of {number(report.max_score)}"
    head.add_row(Text.assemble((assignment.name, "bold underline"), "  ", one_line(assignment.title)), score)
    yield ""
    yield head
    if report.status is not Status.GRADED:
        reason = clean(report.reason) or "no reason was given"
        yield paragraph(f"{STATUS_WORDS[report.status]}: {reason}", style="bold")
    if report.traceback:
        yield quoted(report.traceback)
    if pending is not None:
        reason = clean(pending.reason)
        yield paragraph(f"A newer attempt could not be graded, so this mark is an earlier one's: {reason}")
    for note in report.notes:
        yield paragraph(f"note: {clean(note)}")
    if report.status is Status.GRADED:
        lost = [test for test in report.tests if is_lost(test)]
        for test in lost:
            yield from _lost_test(test)
        for test in report.tests:
            if not is_lost(test):
                yield _test_line(test)
    if report.training is not None:
        yield from training_part(report.training)
    if report.output.strip():
        yield paragraph("printed while it was loaded:")
        yield quoted(report.output)


def _lost_test(test: TestResult) -> Iterator[Part]:
    yield _test_line(test)
    if test.hint.strip():
        yield Padding(Text.assemble(("hint: ", "bold"), clean(test.hint), overflow="fold"), (0, 0, 0, 4))
    if test.message.strip():
        yield paragraph(clean(test.message), indent=4)
    if test.traceback.strip():
        yield quoted(test.traceback, indent=4)
    if test.output.strip():
        yield paragraph("printed:", indent=4)
        yield quoted(test.output, indent=4)


def _test_line(test: TestResult) -> Table:
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(width=3, justify="right", no_wrap=True)
    grid.add_column(overflow="fold", ratio=1)
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    style = _COLOURS.get(test.outcome, "red")
    sign = "✗" if is_lost(test) else "✓"
    grid.add_row(
        Text(sign, style=style),
        Text(one_line(test.title)),
        Text(outcome_of(test), style=style),
        f"{number(test.earned)} of {number(test.points)}",
    )
    return grid
