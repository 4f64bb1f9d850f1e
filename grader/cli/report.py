"""``grader report``: the class as a folder of HTML pages."""

from __future__ import annotations

from pathlib import Path

import click

from grader.cli.common import db_option, open_course, shown_path


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write, report/ beside course.toml by default; other files in it stay.",
)
@click.option("-a", "--assignment", "assignments", multiple=True, metavar="A", help="Only this one; may be repeated.")
@db_option
def report(out: Path | None, assignments: tuple[str, ...], db: str | None) -> None:
    """Write the HTML report: index.html for the instructor and students/ID.html for each student.

    Every page is one self-contained file, readable without JavaScript, and a student's page holds nothing of the
    others, so that it can be handed out. Prints the path of index.html.
    """
    from grader.reports import class_report, html, load, write

    course = open_course(db)
    everything = load.load_class(course)
    for name in everything.unknown:
        click.echo(f'note: the results of "{name}" are left out; course.toml has no such assignment', err=True)
    folder = (out or course.root / "report").absolute()
    write.write_files(folder, html.render(class_report.select(everything, assignments=assignments)))
    click.echo(shown_path(folder / "index.html"))
