"""``grader check``: the visible tests on a student's own work, on his own machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.common import json_option, waiting

if TYPE_CHECKING:
    from grader.grading.check import Checked


@click.command(short_help="Run the visible tests on your own work.")
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=".", metavar="[PATH]")
@json_option
def check(path: Path, as_json: bool) -> int:
    """Run the visible tests on your own work, and show what grading will say of them.

    PATH is the folder of an assignment as it was handed out, or the file that you work in (default: the folder that
    you are in). Your code runs with your own rights, without a sandbox. Exit code 0 where every visible test passes,
    else 1; 2 where the tests could not be run.
    """
    from grader.grading.check import check_work, read_handed_out
    from grader.model import Outcome, Status

    handed_out = read_handed_out(path.absolute())
    with waiting(f"checking {handed_out.name}"):
        checked = check_work(handed_out)
    report = checked.report
    if as_json:
        from grader.reports.export import to_json

        click.echo(to_json([report], details=True), nl=False)
    else:
        click.echo(_page(checked), nl=False)
    passed = report.status is Status.GRADED and all(test.outcome is Outcome.PASSED for test in report.tests)
    return 0 if passed else 1


def _page(checked: Checked) -> str:
    """The page that a student's report will have, of the visible tests alone."""
    from grader.model import Student
    from grader.reports.class_report import StudentRow
    from grader.reports.terminal import look, student_page
    from grader.reports.text import number

    report = checked.report
    row = StudentRow(Student("visible tests", checked.entry), listed=True, reports=(report,), pending=(None,))
    width, color = look(sys.stdout)
    page = student_page(row, (checked.assignment,), width=width, color=color)
    reached = f"{number(report.score or 0.0)} of {number(report.max_score)}"
    return f"{page}\n{reached} points of the visible tests. Hidden tests or timed runs are added once you hand in.\n"
