"""The HTML report: an overview of the class, and a page per student that can be handed out by itself.

Every page is one file without scripts, fonts or requests. Whatever a template prints is cleaned of control and bidi
characters and escaped on its way (``finalize`` and autoescape of the environment), so that no template can forget it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grader.model import Assignment, GradeReport, Outcome, Status
from grader.reports import curves, scatter, statistics, svg
from grader.reports.class_report import ClassReport, StudentRow, is_lost, was_attempted
from grader.reports.leaderboard import Leaderboard
from grader.reports.text import (
    OUTCOME_WORDS,
    STATUS_WORDS,
    clean,
    count,
    file_stem,
    interval,
    metric,
    number,
    one_line,
    outcome_of,
    percent,
    seconds,
    times,
)

CURVES_UP_TO = 24  # learning curves on a leaderboard: the best ones; a page of 400 would be read by nobody

_TEMPLATES = Path(__file__).with_name("templates")


def render(report: ClassReport, leaderboards: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Render the whole report.

    :param leaderboards: pages to link from the overview, by assignment; relative to the report's folder.
    :return: page text by file name, relative to the report's folder: ``index.html``, ``students/<id>.html`` ….
    """
    environment = _environment()
    pages = {"index.html": environment.get_template("overview.html.j2").render(_overview(report, leaderboards))}
    student_page = environment.get_template("student.html.j2")
    for row in report.rows:
        pages[student_file(row.student.id)] = student_page.render(_student(report, row))
    return pages


def render_leaderboard(board: Leaderboard) -> str:
    """Render the page of one task's leaderboard."""
    with_curves = [place for place in board.places if place.curve]
    least = curves.lowest_accuracy(place.curve for place in with_curves[:CURVES_UP_TO])
    return _environment().get_template("leaderboard.html.j2").render(
        board=board,
        as_of="" if board.as_of is None else f"{board.as_of:%Y-%m-%d %H:%M} UTC",
        charts=[
            (kind, scatter.scatter(board, size, name=f"times-{kind}")) for kind, size in scatter.sizes() if board.places
        ],
        curves=[
            (place, curves.learning_curves([place.curve], name=f"curve-{index}", width=184, height=46, least=least,
                                           title=f"Learning curve of {one_line(place.shown)}"))
            for index, place in enumerate(with_curves[:CURVES_UP_TO])
        ],
        curves_left_out=max(len(with_curves) - CURVES_UP_TO, 0),
    )  # fmt: skip


def student_file(student: str) -> str:
    """The file of a student's page, relative to the report's folder."""
    return f"students/{file_stem(student)}.html"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalize,
    )
    environment.filters.update(
        number=number,
        percent=percent,
        metric=metric,
        seconds=seconds,
        times=times,
        one_line=one_line,
        status_words=STATUS_WORDS.__getitem__,
    )
    environment.tests["lost"] = is_lost
    environment.globals.update(
        count=count,
        bar=svg.bar,
        swatch=curves.swatch,
        interval=interval,
        fraction=statistics.fraction,
        outcome_words=_outcome_words,
        outcome_of=outcome_of,
        style=Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
    )
    return environment


def _finalize(value: Any) -> Any:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _outcome_words(outcome: Outcome) -> str:
    return OUTCOME_WORDS[outcome]


def _overview(report: ClassReport, leaderboards: Mapping[str, str]) -> dict[str, Any]:
    statuses = Counter(each.status for each in report.reports)
    fractions = [
        statistics.fraction(each) for each in report.reports if each.status not in (Status.MISSING, Status.NOT_GRADED)
    ]
    return {
        "report": report,
        "as_of": _as_of(report.reports),
        "statuses": [(status, statuses[status]) for status in Status if statuses[status]],
        "handed_in": len(fractions),
        "mean": sum(fractions) / len(fractions) if fractions else None,
        "attention": [
            (row, assignment, each, pending)
            for row in report.rows
            for assignment, each, pending in zip(report.assignments, row.reports, row.pending, strict=True)
            if pending is not None or (each.status not in (Status.GRADED, Status.MISSING) and was_attempted(each))
        ],
        "sections": [_section(report, index) for index in range(len(report.assignments))],
        "points": sum(assignment.points for assignment in report.assignments),
        "leaderboards": leaderboards,
        "student_file": student_file,
    }


def _section(report: ClassReport, index: int) -> dict[str, Any]:
    assignment = report.assignments[index]
    column = report.column(index)
    marks = statistics.marks(column)
    title = f"{assignment.title}: how many submissions reached which share of the marks"
    return {
        "assignment": assignment,
        "marks": marks,
        "rates": statistics.pass_rates(column),
        "histogram": svg.histogram(marks.bins, name=f"marks-{index}", title=clean(title)),
    }


def _student(report: ClassReport, row: StudentRow) -> dict[str, Any]:
    return {
        "report": report,
        "row": row,
        "as_of": _as_of(row.reports),
        "sections": [
            _student_section(assignment, each, pending)
            for assignment, each, pending in zip(report.assignments, row.reports, row.pending, strict=True)
        ],
    }


def _student_section(assignment: Assignment, report: GradeReport, pending: GradeReport | None) -> dict[str, Any]:
    runs = report.training.runs if report.training is not None else ()
    return {
        "assignment": assignment,
        "report": report,
        "pending": pending,
        "curves": curves.learning_curves(
            [run.curve for run in runs],
            name=f"curves-{assignment.name}",
            title=clean(f"{assignment.title}: learning curves of the timed runs"),
            width=400,
            height=90,
        ),
        "lost": [test for test in report.tests if is_lost(test)],
        "kept": [test for test in report.tests if not is_lost(test)],
        "lost_points": report.max_score - (report.score or 0.0),
    }


def _as_of(reports: tuple[GradeReport, ...]) -> str:
    """When the newest of the results was made; derived from them, so that the same results give the same page."""
    times = [report.graded_at for report in reports if report.graded_at is not None]
    return f"{max(times):%Y-%m-%d %H:%M} UTC" if times else ""
