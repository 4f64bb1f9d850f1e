"""``grader export``: results for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.common import db_option, open_course

if TYPE_CHECKING:
    from grader.reports.class_report import ClassReport


@click.command()
@click.option(
    "--format", "form", type=click.Choice(["csv", "json", "gradescope"]), required=True, help="What to write."
)
@click.option("--out", type=click.Path(path_type=Path), help="File to write; for gradescope, a folder for many.")
@click.option("-a", "--assignment", "assignments", multiple=True, metavar="A", help="Only this one; may be repeated.")
@click.option("--student", metavar="ID", help="Only this student.")
@db_option
def export(form: str, out: Path | None, assignments: tuple[str, ...], student: str | None, db: str | None) -> int:
    """Export results: csv and json as one text, to standard output without --out.

    csv has one line per submission, json one object per submission with its tests. gradescope is a results.json: with
    one -a and --student that file, otherwise --out DIR gets DIR/ASSIGNMENT/STUDENT.json. A submission without a mark
    has no results.json, since Gradescope would read a zero in it; it is named, and the exit code is 2.
    """
    from grader.reports import class_report, export, load, write

    everything = load.load_class(open_course(db))
    for name in everything.unknown:
        click.echo(f'note: the results of "{name}" are left out; course.toml has no such assignment', err=True)
    chosen = class_report.select(everything, assignments=assignments, student=student)
    _warn_of_older_marks(chosen)
    if form == "gradescope":
        return _export_gradescope(chosen, out, one=student is not None and len(chosen.assignments) == 1)
    text = export.to_csv(chosen) if form == "csv" else export.to_json(chosen.reports)
    if out is None:
        click.echo(text, nl=False)
    else:
        write.write_file(out, text)
    return 0


def _warn_of_older_marks(report: ClassReport) -> None:
    from grader.reports.text import one_line

    for row in report.rows:
        for attempt in row.pending:
            if attempt is not None:
                click.echo(
                    f"note: the mark of {one_line(attempt.student)} in {attempt.assignment} "
                    "is an earlier submission's; the newer one could not be graded",
                    err=True,
                )


def _export_gradescope(report: ClassReport, out: Path | None, *, one: bool) -> int:
    from grader.errors import UsageError
    from grader.reports.export import to_gradescope
    from grader.reports.text import file_stem, one_line
    from grader.reports.write import write_file

    if out is None and not one:
        raise UsageError(
            "Gradescope takes one file per submission",
            remedy="choose one with -a and --student, or name a folder with --out",
        )
    left_out = 0
    for each in report.reports:
        if each.score is None:
            click.echo(f"no mark: {each.assignment} of {one_line(each.student)}: {one_line(each.reason)}", err=True)
            left_out += 1
        elif out is None:
            click.echo(to_gradescope(each), nl=False)
        else:
            write_file(out if one else out / each.assignment / f"{file_stem(each.student)}.json", to_gradescope(each))
    return 2 if left_out else 0
