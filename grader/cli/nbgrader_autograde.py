"""``grader nbgrader autograde``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from grader.errors import GraderError
    from grader.grading.pipeline import InvalidTask
    from grader.nbgrader_plugin.class_run import Autograded, NotAutograded


@click.command(short_help="Autograde a whole class in parallel.")
@click.argument("assignment", metavar="ASSIGNMENT")
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Submissions at one time (default: the cores).")
@click.option("--student", metavar="S", help="Only this student.")
@click.option("--force", is_flag=True, help="Grade unchanged ones too.")
@click.option(
    "--classroom",
    metavar="DIR",
    default=".",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of nbgrader_config.py instead of the working directory.",
)
def autograde(assignment: str, jobs: int | None, student: str | None, force: bool, classroom: Path) -> int:
    """Autograde everything that was handed in for ASSIGNMENT, in parallel, with the result of `nbgrader autograde`.

    Marks go into the classroom's gradebook, notebooks into its folder autograded. What was graded before and has not
    changed is passed over, so an interrupted run resumes. Exit code 0; 1 where the assignment is invalid; 2 where a
    submission was not graded, and stays due.
    """
    from grader.cli.grade import progress, terminated_as_interrupted, with_notes
    from grader.cli.nbgrader import require_nbgrader
    from grader.errors import InfrastructureError

    require_nbgrader()
    # jsonschema builds a parser of international addresses when it is imported: 0.75 of nbgrader's 1.6 s, for a format
    # that no notebook has. Without that package it goes on without.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from grader.nbgrader_plugin.class_run import Autograded, NotAutograded
    from grader.nbgrader_plugin.classroom_app import open_converter, open_run
    from grader.nbgrader_plugin.gradebook import ClassGradebook

    converter = open_converter(classroom.resolve())
    coursedir = converter.coursedir
    done = 0
    failed: list[GraderError] = []
    with ClassGradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        run = open_run(converter, gradebook, assignment)
        due = run.plan(student, force=force)
        for warning in due.warnings:
            click.echo(f"warning: {warning}", err=True)
        try:
            with terminated_as_interrupted(), progress(len(due.students)) as advance:

                def receive(event: Autograded | NotAutograded | InvalidTask) -> None:
                    nonlocal done
                    if isinstance(event, Autograded):
                        done += 1
                        advance(f"{event.student} autograded")
                    elif isinstance(event, NotAutograded):
                        event.error.add_note(f"student: {event.student}")
                        failed.append(event.error)
                        advance(f"{event.student} not graded")
                    else:
                        failed.append(event.error)

                run.run(jobs, receive)
        except KeyboardInterrupt:
            of = len(due.students)
            click.echo(f"\ninterrupted: {done} of {of} are autograded; run it again for the rest.", err=True)
            raise SystemExit(InfrastructureError.exit_code) from None
    for error in failed:
        click.echo(f"error: {with_notes(error)}", err=True)
    click.echo(f"{done} autograded now, {due.unchanged} unchanged since the last time.")
    if not due.students and not due.unchanged:
        click.echo(f"note: nobody has handed in {assignment}; nbgrader collect fetches it from the exchange", err=True)
    return max((error.exit_code for error in failed), default=0)
