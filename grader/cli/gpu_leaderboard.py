"""``grader gpu leaderboard``: who trained best, and fastest."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from grader.cli.common import db_option, json_option, open_course, shown_path


@click.command()
@click.argument("task")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write one self-contained page instead of printing the table, and print its path.",
)
@json_option
@db_option
def leaderboard(task: str, html: Path | None, as_json: bool, db: str | None) -> None:
    """Rank the students of a timed TASK: first those at full accuracy by time, then the others by accuracy.

    Students appear under pseudonyms, names or ids, as the table [leaderboard] of course.toml says.
    """
    from grader.course import select_assignments
    from grader.errors import UsageError
    from grader.reports import export
    from grader.reports import leaderboard as board_of
    from grader.store.database import Store

    if html is not None and as_json:
        raise UsageError("--html and --json exclude each other", remedy="give one of them, or none for a table")
    course = open_course(db)
    (assignment,) = select_assignments(course, [task])
    if assignment.timed is None:
        timed = ", ".join(each.name for each in course.assignments if each.timed is not None)
        raise UsageError(
            f"{task} is no timed task, so there are no times to rank",
            where=assignment.solution.parent / "assignment.toml",
            remedy=f"timed are: {timed}" if timed else "give an assignment the table [timed]; this course has no such",
        )
    with Store(course.database, read_only=True) as store:
        reports = store.latest(assignment.name)
    board = board_of.build(course, assignment, reports)
    if html is not None:
        from grader.reports.html import render_leaderboard
        from grader.reports.write import write_file

        remedy = "make room or the folder writable, or name another file with --html"
        write_file(html.absolute(), render_leaderboard(board), remedy=remedy)
        click.echo(shown_path(html.absolute()))
    elif as_json:
        click.echo(export.leaderboard_json(board), nl=False)
    else:
        from grader.reports.terminal import look
        from grader.reports.terminal_training import leaderboard_table

        width, color = look(sys.stdout)
        click.echo(leaderboard_table(board, width=width, color=color), nl=False)
