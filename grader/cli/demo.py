"""``grader demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.common import open_course, shown_path

if TYPE_CHECKING:
    from grader.model import Assignment, Course

STAMP = ".demo-class"  # written last; holds a digest of the class that is complete


@click.command(short_help="Make a demo class, grade it and report on it.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the demo class, demo/ beside course.toml by default.",
)
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Submissions at one time (default: the cores).")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Devices for timed tasks (default: all GPUs, or one CPU core).",
)
def demo(out: Path | None, jobs: int | None, workers: int | None) -> int:
    """Generate the assignments, let a class of 40 invented students hand them in, grade it, and write the report.

    The class is made of the course's alternatives and mistakes, with an untouched stub, a syntax error, a notebook with
    a broken cell and an empty folder for each assignment, and one endless loop. Timed tasks, which take a device's
    time, are handed in by twelve of them, where the data come with the grader; they are trained and ranked. Everything
    goes into one folder, with a results database of its own. Run again, it resumes: what has not changed is not graded
    twice.
    """
    import dataclasses

    from grader.cli.grade import GradeRun, engine_of
    from grader.cli.report import write_report
    from grader.cli.timed import TimedOptions
    from grader.course import absolute_database
    from grader.errors import TaskError
    from grader.generation import FileState, generate
    from grader.generation.demo_class import STUDENTS
    from grader.reports import load
    from grader.reports.text import count

    course = open_course()
    folder = (out or course.root / "demo").absolute()
    course = dataclasses.replace(course, database=absolute_database("sqlite:///results.sqlite", folder), roster=())
    files = generate(course)
    written = sum(file.state in (FileState.MISSING, FileState.DIFFERS) for file in files)
    click.echo(f"{count(len(course.assignments), 'assignment')} generated ({written} files written)", err=True)
    course = dataclasses.replace(course, assignments=demo_assignments(course))
    if not course.assignments:
        raise TaskError("nothing is left to show", where=course.root, remedy="write an assignment: see grader init")
    handed_in = write_class(course, folder / "submitted")
    click.echo(f"{handed_in} submissions of a demo class in {shown_path(folder / 'submitted')}", err=True)
    engine, timed = engine_of("local", None), TimedOptions(workers=workers)
    run = GradeRun(course, folder / "submitted", (), None, "bubblewrap", jobs, engine, timed=timed)
    code = run.execute(regrade=False, yes=False, as_json=False)
    index, *leaderboards = write_report(course, load.load_class(course), folder / "report")
    click.echo(f"\nReport: {shown_path(index)}")
    for path in leaderboards:
        click.echo(f"Leaderboard: {shown_path(path)}")
    results = shown_path(folder / "results.sqlite")
    click.echo(f"One student: grader show {STUDENTS[0]} --db sqlite:///{results}", err=True)
    return code


def demo_assignments(course: Course) -> tuple[Assignment, ...]:
    """What the demo class is given. Timed tasks whose data have to be fetched are left out, which stderr says."""
    from gpu_runner.datasets import Presence, data_folder, find, look

    shown = []
    for assignment in course.assignments:
        if assignment.timed is None:
            shown.append(assignment)
            continue
        dataset = find(assignment.timed.dataset)
        found = look(dataset, data_folder(None))
        if dataset.files:
            why = f"its data ({dataset.title}) do not come with the grader; see grader data list and grader gpu run"
        elif found.presence is not Presence.PRESENT:
            why = f"{found.problem}: {found.remedy}"
        elif assignment.timed.device == "cuda":
            why = "it is meant for a GPU; see grader gpu run"
        else:
            shown.append(assignment)
            continue
        click.echo(f"note: {assignment.name} is left out of the demo: {why}", err=True)
    return tuple(shown)


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
