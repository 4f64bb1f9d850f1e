"""``grader report``: the class as a folder of HTML pages."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.common import db_option, open_course, shown_path

if TYPE_CHECKING:
    from grader.model import Course
    from grader.reports.class_report import ClassReport


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write, report/ beside course.toml by default; other files in it stay.",
)
@click.option("-a", "--assignment", "assignments", multiple=True, metavar="A", help="Only this one; may be repeated.")
@db_option
def report(out: Path | None, assignments: tuple[str, ...], db: str | None) -> None:
    """Write the HTML report: index.html for the instructor, students/ID.html for each student, and a leaderboard.

    Every page is one self-contained file, readable without JavaScript, and a student's page holds nothing of the
    others, so that it can be handed out. Prints the path of index.html.
    """
    from grader.reports import load

    course = open_course(db)
    everything = load.load_class(course)
    for name in everything.unknown:
        click.echo(f'note: the results of "{name}" are left out; course.toml has no such assignment', err=True)
    folder = (out or course.root / "report").absolute()
    click.echo(shown_path(write_report(course, everything, folder, assignments)[0]))


def write_report(
    course: Course, everything: ClassReport, folder: Path, assignments: Collection[str] = ()
) -> list[Path]:
    """Write the class's pages, and a leaderboard for each timed task that somebody was trained for.

    :param everything: the results of the course, from ``reports.load``.
    :param assignments: names of the only ones that are reported on; empty: all.
    :returns: paths, that of index.html first.
    """
    from grader.reports import class_report, html, leaderboard, write

    report = class_report.select(everything, assignments=assignments)
    boards = {}
    for index, assignment in enumerate(report.assignments):
        results = [each for each in report.column(index) if each.graded_at is not None]  # no filled gaps
        if assignment.timed is not None and any(each.training is not None for each in results):
            boards[assignment.name] = leaderboard.build(course, assignment, results)
    links = {name: f"leaderboard-{name}.html" for name in boards}
    pages = html.render(report, links)
    pages |= {links[name]: html.render_leaderboard(board) for name, board in boards.items()}
    write.write_files(folder, pages)
    return [folder / name for name in ("index.html", *links.values())]
