"""Results for other programs: a spreadsheet, a script, Gradescope."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from grader.model import GradeReport, Outcome, Status, TestResult, Training
from grader.reports.class_report import ClassReport, is_lost
from grader.reports.leaderboard import Leaderboard
from grader.reports.text import STATUS_WORDS, clean, one_line, outcome_of

CSV_COLUMNS = ("assignment", "student", "name", "status", "score", "max_score", "graded_at")


def to_csv(report: ClassReport) -> str:
    """One line per submission, by assignment and student; the score is empty where there is no mark.

    Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for index in range(len(report.assignments)):
        for row in report.rows:
            each = row.reports[index]
            writer.writerow(
                [
                    text_cell(each.assignment),
                    text_cell(each.student),
                    text_cell(row.student.name),
                    each.status.value,
                    "" if each.score is None else points_of(each.score),
                    points_of(each.max_score),
                    "" if each.graded_at is None else f"{each.graded_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                ]
            )
    return file.getvalue()


def text_cell(text: str) -> str:
    """One line of text for a cell, with an apostrophe in front where a spreadsheet would take it for a formula.

    >>> text_cell("=1+1"), text_cell("Anna-Lena")
    ("'=1+1", 'Anna-Lena')
    """
    line = one_line(text)
    # What spreadsheets take for the start of a formula, the full-width forms included.
    return f"'{line}" if line.startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20")) else line


def to_json(reports: Iterable[GradeReport], *, details: bool = False) -> str:
    """A list of submissions with status, score and tests; plain ASCII, so that nothing in it can touch a terminal.

    A timed task's submission has its ``training`` too. JSON knows no NaN: numbers that are not finite, which only a
    submission's own log can hold, are the strings "NaN", "Infinity" and "-Infinity".

    :param details: add all that students see: reasons, hints, messages, tracebacks, output, single runs, their logs.
    """
    return _dumps([_submission(each, details) for each in reports])


def _submission(report: GradeReport, details: bool) -> dict[str, Any]:
    head: dict[str, Any] = {
        "assignment": report.assignment,
        "student": report.student,
        "status": report.status.value,
        "score": None if report.score is None else points_of(report.score),
        "max_score": points_of(report.max_score),
    }
    if details:
        head |= {
            "reason": report.reason,
            "traceback": report.traceback,
            "notes": list(report.notes),
            "output": report.output,
            "seconds": report.seconds,
            "graded_at": None if report.graded_at is None else report.graded_at.isoformat(),
        }
    if report.training is not None:
        head["training"] = _training(report.training, details)
    return head | {"tests": [_test(test, details) for test in report.tests]}


def _training(training: Training, details: bool) -> dict[str, Any]:
    values = dataclasses.asdict(training)
    runs = values.pop("runs")
    if not details:
        return values | {"runs": len(runs)}
    return values | {"runs": [{**run, "outcome": run["outcome"].value} for run in runs]}


def leaderboard_json(board: Leaderboard) -> str:
    """A leaderboard for a program: thresholds, the ranked with their figures, the others with the reason.

    Students appear as course.toml says, as in the other forms; seeds and logs stay out, as the class may read it.
    """
    return _dumps(
        {
            "assignment": board.assignment.name,
            "full": board.thresholds.full,
            "part_from": board.thresholds.part_from,
            "small": board.small,
            "students": board.students.value,
            "by_multiple": board.by_multiple,
            "as_of": None if board.as_of is None else board.as_of.isoformat(),
            "ranked": [
                {
                    "rank": place.rank,
                    "student": place.shown,
                    "full": place.full,
                    "in_time": place.in_time,
                    "multiple": place.multiple,
                    "disturbed_runs": place.disturbed,
                    **_training(place.training, details=False),
                }
                for place in board.places
            ],
            "unranked": [{"student": entry.shown, "reason": entry.reason} for entry in board.unranked],
        }
    )


def _dumps(value: Any) -> str:
    return json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """The value with every number that JSON lacks replaced by its name."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return value


def _test(test: TestResult, details: bool) -> dict[str, Any]:
    head: dict[str, Any] = {
        "name": test.name,
        "title": test.title,
        "outcome": test.outcome.value,
        "earned": points_of(test.earned),
        "points": points_of(test.points),
    }
    if details:
        head |= {
            "visible": test.visible,
            "hint": test.hint if is_lost(test) else "",
            "message": test.message,
            "traceback": test.traceback,
            "output": test.output,
            "seconds": test.seconds,
        }
    return head


def to_gradescope(report: GradeReport) -> str:
    """One submission in the format of Gradescope's ``results.json``.

    Keys as in https://gradescope-autograders.readthedocs.io/en/latest/specs/. Students see everything but what the
    autograder itself prints: a report holds nothing of a hidden test but title, points, hint and outcome.

    :raises ValueError: the report has no mark; Gradescope would take any file for one, so there must be none.
    """
    if report.score is None:
        raise ValueError(f"{report.assignment} of {report.student} has no mark")
    content = {
        "score": points_of(report.score),
        "execution_time": round(report.seconds, 3),
        "output": _gradescope_output(report),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_gradescope_test(test) for test in report.tests],
    }
    return json.dumps(content, indent=2) + "\n"


def _gradescope_output(report: GradeReport) -> str:
    parts = [clean(note) for note in report.notes]
    if report.status is not Status.GRADED:
        parts.insert(0, f"{STATUS_WORDS[report.status]}: {clean(report.reason)}")
    if report.traceback:
        parts.append(clean(report.traceback))
    if report.output.strip():
        parts.append(f"Your code printed while it was loaded:\n{clean(report.output)}")
    return "\n\n".join(parts)


def _gradescope_test(test: TestResult) -> dict[str, Any]:
    lost = is_lost(test)
    parts = [outcome_of(test)] if test.outcome is not Outcome.PASSED else []
    if lost and test.hint.strip():
        parts.append(f"Hint: {clean(test.hint)}")
    parts += [clean(part) for part in (test.message, test.traceback) if part.strip()]
    if test.output.strip():
        parts.append(f"Your code printed:\n{clean(test.output)}")
    return {
        "name": one_line(test.title),
        "score": points_of(test.earned),
        "max_score": points_of(test.points),
        "status": "failed" if lost else "passed",
        "output": "\n\n".join(parts),
        "visibility": "visible",
    }


def points_of(value: float) -> float | int:
    """Points without the dust of float sums: 6.1 where the sum says 6.1000000000000005."""
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded
