"""``grader nbgrader init``."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from grader.cli.common import open_course, shown_path
from grader.cli.nbgrader import require_nbgrader
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.nbgrader_plugin.merge import Choice, Conflict
    from grader.nbgrader_plugin.update import Updated


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("-a", "--assignment", "names", multiple=True, metavar="A", help="Only this assignment; may be repeated.")
@click.option("--course-id", metavar="ID", help="What nbgrader calls the course; at first made of its name.")
@click.option("--overwrite", is_flag=True, help="Where you and the course have changed the same, take the course's.")
def init(directory: Path, names: tuple[str, ...], course_id: str | None, overwrite: bool) -> int:
    """Make DIR an nbgrader classroom of this course, or bring it up to date.

    It writes nbgrader_config.py and, for each assignment without [timed], its notebook with solutions and checks and
    the visible tests, in source/. Run it again after a change of the course: what you have edited stays. Where the
    course has changed the same cell, you are asked; where there is no terminal, your version stays, and the exit code
    is 1.
    """
    require_nbgrader()
    from grader.course import read_suites, select_assignments
    from grader.nbgrader_plugin.cells import grade_id
    from grader.nbgrader_plugin.classroom import CONFIG, course_slug, left_out, make_config, source_files
    from grader.nbgrader_plugin.update import Record, State, Updated, update_notebook, update_text, was_deleted

    course = open_course()
    folder = (Path.cwd() / directory).resolve()
    if set(str(folder)) & set("[]*?"):
        raise UsageError(
            "nbgrader finds nothing in a folder with [, ], * or ? in its path", where=folder, remedy="choose another"
        )
    chosen = select_assignments(course, names)
    for assignment in chosen:
        if names and left_out(assignment):
            raise UsageError(f"{assignment.name}: {left_out(assignment)}", where="--assignment", remedy="leave it out")
    record = Record.read(folder)
    if course_id is not None:
        if not course_id.strip() or not course_id.isprintable() or "/" in course_id:
            raise UsageError(
                f"{course_id!r} cannot be a course's id", where="--course-id", remedy="use letters, digits, -"
            )
        record.course_id = course_id.strip()
    config = make_config(course, folder, record.course_id or course_slug(course.name))
    # Everything is made and has passed the leak lint before the first file is written.
    made = {each: source_files(each) for each in chosen if not left_out(each)}

    def choose(path: Path, conflicts: Sequence[Conflict]) -> Choice:
        return _choose(path, conflicts, overwrite)

    results = [update_text(folder, record, PurePosixPath(CONFIG), config, choose)]
    for assignment, files in made.items():
        notebook = next(name for name in files if name.suffix == ".ipynb")
        if not names and was_deleted(folder, record, notebook):
            results.append(Updated(folder / notebook.parent, State.DELETED))
            continue
        required = {grade_id(assignment.name, spec) for spec in read_suites(assignment)}
        for name, text in files.items():
            if name == notebook:
                results.append(update_notebook(folder, record, name, text, required, choose))
            else:
                results.append(update_text(folder, record, name, text, choose))
    record.write(folder)
    for result in results:
        again = f"; --assignment {result.path.name} brings it back" if result.state is State.DELETED else ""
        click.echo(f"{result.state:<15} {shown_path(result.path)}{again}")
    for assignment in chosen:
        if left_out(assignment):
            click.echo(f"{'left out':<15} {assignment.name}: {left_out(assignment)}")
    return _report(results)


def _report(results: Sequence[Updated]) -> int:
    open_ones = [result for result in results if result.unresolved]
    for result in open_ones:
        click.echo(f"{shown_path(result.path)}: you and the course have both changed:", err=True)
        for name in filter(None, (conflict.name for conflict in result.unresolved)):  # a text has no cells
            click.echo(f"    {name}", err=True)
    if open_ones:
        click.echo("  remedy: run it on a terminal and choose, or take the course's with --overwrite", err=True)
    return int(bool(open_ones))


def _choose(path: Path, conflicts: Sequence[Conflict], overwrite: bool) -> Choice:
    """Ask what to do about one file's conflicts, on a terminal; elsewhere put it off."""
    from grader.nbgrader_plugin.merge import Choice

    if overwrite:
        return Choice.NEW
    if not on_terminal():
        return Choice.LATER
    click.echo(f"{shown_path(path)}: you and the course have both changed:")
    for conflict in conflicts:
        click.echo(f"  {conflict.name}" if conflict.name else "")
        for line in difflib.unified_diff(
            conflict.mine.splitlines(), conflict.new.splitlines(), "yours", "the course's", lineterm="", n=1
        ):
            click.echo(f"    {line}")
    answer = click.prompt("Keep yours, or take the course's?", type=click.Choice(["keep", "take"]), default="keep")
    return Choice.MINE if answer == "keep" else Choice.NEW


def on_terminal() -> bool:
    """Whether there is somebody who can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()
