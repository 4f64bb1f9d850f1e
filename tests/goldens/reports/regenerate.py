"""Every renderer applied to the sample class. Run it (``python -m tests.goldens.reports.regenerate``) to rewrite the
goldens after a wanted change, and read the diff; the tests only compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from grader.model import Outcome, Status
from grader.reports import compare, export, html, leaderboard, terminal, terminal_training
from grader.reports.class_report import ClassReport, build, select
from tests.fakes import sample_reports, sample_training

FOLDER = Path(__file__).parent
FEW = ("ada-nowak", "dorde-petrovic", "zofia-kowalska", "noor-khan")  # all statuses that a golden should show
TWO = ("gradient_descent", "dropout")


def whole_class() -> ClassReport:
    """All 40 students."""
    return build(sample_reports.course(), sample_reports.reports())


def small_class() -> ClassReport:
    """Four of them and two assignments; one newer attempt failed."""
    course = sample_reports.course()
    roster = tuple(student for student in course.roster if student.id in FEW)
    reports = [each for each in sample_reports.reports() if each.student in FEW]
    failed = next(each for each in reports if (each.student, each.assignment) == ("noor-khan", "gradient_descent"))
    pending = [replace(failed, status=Status.NOT_GRADED, score=None, reason="The disk was full.", key="newer")]
    return select(build(replace(course, roster=roster), reports, pending=pending), assignments=TWO)


def timed_class() -> ClassReport:
    """One student and one timed task: a run that went well, one that failed, one that was disturbed."""
    course = sample_training.course(1)
    good = next(each.training for each in sample_training.reports() if each.training and each.training.runs[0].curve)
    failed = sample_training.run(
        1, None, 0.4, outcome=Outcome.ERROR, message="The loss became NaN in epoch 2.", output="epoch 2 nan\n",
        traceback="digits_mlp.py, line 31, in train", curve=sample_training.nan_curve(),
    )  # fmt: skip
    disturbed = sample_training.run(2, 0.961, 1.4, disturbed="Other processes took 41% of the core.")
    training = sample_training.training(good.runs[0], failed, disturbed)
    return build(course, [sample_training.report(course.roster[0].id, training)])


def board(students: int) -> leaderboard.Leaderboard:
    """A leaderboard of that many students."""
    course = sample_training.course(students)
    return leaderboard.build(course, course.assignments[0], sample_training.reports(students))


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of every golden."""
    few = small_class()
    pages = html.render(few)
    old, new = (few.rows[index].reports[1] for index in (0, 1))
    yield "class_table.txt", terminal.class_table(whole_class())
    yield "student.txt", terminal.student_page(few.rows[1], few.assignments)
    yield "student_color.txt", terminal.student_page(few.rows[3], few.assignments, width=60, color=True)
    yield "differences.txt", terminal.differences_table(compare.differences(old, replace(new, student=old.student)))
    yield "results.csv", export.to_csv(few)
    yield "results.json", export.to_json(few.reports)
    yield "results_details.json", export.to_json(few.rows[1].reports, details=True)
    yield "gradescope.json", export.to_gradescope(few.rows[1].reports[1])
    yield "index.html", pages["index.html"]
    yield "student.html", pages["students/dorde-petrovic.html"]
    timed = timed_class()
    yield "timed_student.html", html.render(timed)["students/ada-nowak.html"]
    yield "timed_student.txt", terminal.student_page(timed.rows[0], timed.assignments)
    yield "timed.json", export.to_json(timed.reports)
    yield "timed_details.json", export.to_json(timed.reports, details=True)
    yield "leaderboard.txt", terminal_training.leaderboard_table(board(12))
    yield "leaderboard_color.txt", terminal_training.leaderboard_table(board(5), width=58, color=True)
    yield "leaderboard.json", export.leaderboard_json(board(5))
    yield "leaderboard.html", html.render_leaderboard(board(12))


if __name__ == "__main__":
    for name, text in texts():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="")
