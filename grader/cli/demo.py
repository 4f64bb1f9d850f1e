"""``grader demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.common import open_course, shown_path

if TYPE_CHECKING:
    from grader.model import Course

STAMP = ".demo-class"  # written last; holds a digest of the class that is complete


@click.command(short_help="Make a demo class, grade it and report on it.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the demo class, demo/ beside course.toml by default.",
)
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Submissions at one time (default: the cores).")
def demo(out: Path | None, jobs: int | None) -> int:
    """Generate the assignments, let a class of 40 invented students hand them in, grade it, and write the report.

    The class is made of the course's alternatives and mistakes, with an untouched stub, a syntax error, a notebook with
    a broken cell and an empty folder for each assignment, and one endless loop. Everything goes into one folder, with a
    results database of its own. Run again, it resumes: what has not changed is not graded twice.
    """
    import dataclasses

    from grader.cli.grade import GradeRun, engine_of
    from grader.cli.timed import TimedOptions
    from grader.course import absolute_database
    from grader.generation import FileState, generate
    from grader.generation.demo_class import STUDENTS
    from grader.reports import class_report, html, load, write
    from grader.reports.text import count

    course = open_course()
    folder = (out or course.root / "demo").absolute()
    course = dataclasses.replace(course, database=absolute_database("sqlite:///results.sqlite", folder), roster=())
    files = generate(course)
    written = sum(file.state in (FileState.MISSING, FileState.DIFFERS) for file in files)
    click.echo(f"{count(len(course.assignments), 'assignment')} generated ({written} files written)", err=True)
    handed_in = write_class(course, folder / "submitted")
    click.echo(f"{handed_in} submissions of a demo class in {shown_path(folder / 'submitted')}", err=True)
    engine, timed = engine_of("local", None), TimedOptions()
    run = GradeRun(course, folder / "submitted", (), None, "bubblewrap", jobs, engine, timed=timed)
    code = run.execute(regrade=False, yes=False, as_json=False)
    write.write_files(folder / "report", html.render(class_report.select(load.load_class(course))))
    click.echo(f"\nReport: {shown_path(folder / 'report' / 'index.html')}")
    results = shown_path(folder / "results.sqlite")
    click.echo(f"One student: grader show {STUDENTS[0]} --db sqlite:///{results}", err=True)
    return code


def write_class(course: Course, folder: Path) -> int:
    """Write the demo class, unless it is there; what you change in it stays until the course itself changes.

    Returns the number of submissions.
    """
    import hashlib
    import shutil

    from grader.errors import InfrastructureError
    from grader.generation.demo_class import demo_files

    files = list(demo_files(course))
    digest = hashlib.sha256(repr(files).encode()).hexdigest()
    stamp = folder / STAMP
    try:
        if stamp.is_file():
            if stamp.read_text() == digest:
                return len(files)
            shutil.rmtree(folder)  # the class of an earlier course; the stamp shows that it is ours
        for path, data in files:
            target = folder / path
            if data is None:
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        stamp.write_text(digest)
    except OSError as error:
        raise InfrastructureError(
            f"the demo class cannot be written: {error.strerror}", where=folder, remedy="name another folder with --out"
        ) from error
    return len(files)
