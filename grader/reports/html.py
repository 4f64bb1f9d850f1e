"""The HTML report: an overview of the class, and a page per student that can be handed out by itself.

Every page is one file without scripts, fonts or requests. Whatever a template prints is cleaned of control and bidi
characters and escaped on its way (``finalize`` and autoescape of the environment), so that no template can forget it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grader.model import Assignment, GradeReport, Outcome, Status
from grader.reports import statistics, svg
from grader.reports.class_report import ClassReport, StudentRow, is_lost, was_attempted
from grader.reports.text import OUTCOME_WORDS, STATUS_WORDS, clean, count, file_stem, number, one_line, percent

_TEMPLATES = Path(__file__).with_name("templates")


def render(report: ClassReport) -> dict[str, str]:
    """Render the whole report.

    :return: page text by file name, relative to the report's folder: ``index.html``, ``students/<id>.html`` ….
    """
    environment = _environment()
    pages = {"index.html": environment.get_template("overview.html.j2").render(_overview(report))}
    student_page = environment.get_template("student.html.j2")
    for row in report.rows:
        pages[student_file(row.student.id)] = student_page.render(_student(report, row))
    return pages


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
        number=number, percent=percent, one_line=one_line, status_words=STATUS_WORDS.__getitem__
    )
    environment.tests["lost"] = is_lost
    environment.globals.update(
        count=count,
        bar=svg.bar,
        fraction=statistics.fraction,
        outcome_words=_outcome_words,
        style=Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
    )
    return environment


def _finalize(value: Any) -> Any:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _outcome_words(outcome: Outcome) -> str:
    return OUTCOME_WORDS[outcome]


def _overview(report: ClassReport) -> dict[str, Any]:
    statuses = Counter(each.status for each in report.reports)
    fractions = [
        statistics.fraction(each)
        for each in report.reports
        if each.status not in (Status.MISSING, Status.NOT_GRADED)
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
    return {
        "assignment": assignment,
        "report": report,
        "pending": pending,
        "lost": [test for test in report.tests if is_lost(test)],
        "kept": [test for test in report.tests if not is_lost(test)],
        "lost_points": report.max_score - (report.score or 0.0),
    }


def _as_of(reports: tuple[GradeReport, ...]) -> str:
    """When the newest of the results was made; derived from them, so that the same results give the same page."""
    times = [report.graded_at for report in reports if report.graded_at is not None]
    return f"{max(times):%Y-%m-%d %H:%M} UTC" if times else ""
