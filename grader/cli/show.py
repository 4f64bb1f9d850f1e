"""``grader show``: one student's results in the terminal."""

from __future__ import annotations

import sys

import click

from grader.cli.common import db_option, json_option, open_course


@click.command()
@click.argument("student")
@click.argument("assignment", required=False)
@json_option
@db_option
def show(student: str, assignment: str | None, as_json: bool, db: str | None) -> None:
    """Show a student's results, in all assignments or in one: each test with its marks, and what cost them.

    STUDENT is the id, the name of the folder under submitted/.
    """
    from grader.reports import class_report, export, load, terminal

    everything = load.load_class(open_course(db))
    chosen = class_report.select(everything, assignments=[assignment] if assignment else [], student=student)
    if as_json:
        click.echo(export.to_json(chosen.reports, details=True), nl=False)
        return
    width, color = terminal.look(sys.stdout)
    click.echo(terminal.student_page(chosen.rows[0], chosen.assignments, width=width, color=color), nl=False)
