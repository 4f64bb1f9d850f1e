"""``grader gpu queue`` and ``grader gpu cancel``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from grader.cli.common import db_option, json_option, open_course, print_json, print_table

if TYPE_CHECKING:
    from grader.model import Course, Job
    from grader.store.queue import JobQueue

UNFINISHED = ("queued", "running", "trained")


@click.command(short_help="List what waits for a device, and for how long.")
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option("--all", "everything", is_flag=True, help="List finished and cancelled submissions too.")
@db_option
@json_option
def queue(tasks: tuple[str, ...], everything: bool, db: str | None, as_json: bool) -> None:
    """List the queue of timed tasks (default: all of them) in the order in which it is worked off.

    The expected wait is that of one device, from what earlier submissions of the task took.
    """
    from grader.store.database import Store
    from grader.store.queue import JobQueue

    course = open_course(db)
    names = _timed_names(course, tasks)
    with Store(course.database, read_only=True) as store:
        rows = [row for name in names for row in _rows(JobQueue(store), name, everything=everything)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("The queue is empty.", err=True)
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("job", "task", "student", "state", "device"):
        table.add_column(title, overflow="fold")
    for title in ("runs", "used", "wait"):
        table.add_column(title, justify="right", no_wrap=True)
    from rich.text import Text

    for row in rows:
        wait = "" if row["wait_seconds"] is None else f"{row['wait_seconds']:.0f} s"
        cells = (row["job"], row["task"], row["student"], row["state"], row["device"], row["runs"])
        table.add_row(*(Text(str(cell)) for cell in cells), f"{row['used_seconds']:.1f} s", wait)
    print_table(table)


@click.command(short_help="Take submissions out of the queue.")
@click.argument("tasks", nargs=-1, metavar="[TASK]...")
@click.option("--student", metavar="S", help="Only those of this student.")
@click.option("--job", "jobs", type=int, multiple=True, metavar="N", help="Only this job; may be repeated.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@db_option
def cancel(tasks: tuple[str, ...], student: str | None, jobs: tuple[int, ...], yes: bool, db: str | None) -> int:
    """Cancel what waits in the queue of these timed tasks (default: all of them).

    What is being trained is left alone. A cancelled submission is queued again by the next `grader gpu run`.
    """
    from grader.store.database import Store
    from grader.store.queue import JobQueue

    course = open_course(db)
    names = _timed_names(course, tasks)
    with Store(course.database) as store:
        known = [job for name in names for job in JobQueue(store).jobs(name)]
        _require_known(known, student, jobs)
        waiting = [
            job
            for job in known
            if job.state == "queued" and student in (None, job.student) and (not jobs or job.id in jobs)
        ]
        if waiting and not yes and not click.confirm(f"Take {len(waiting)} out of the queue?", err=True):
            return 0
        cancelled = JobQueue(store).cancel(ids=[job.id for job in waiting])
    click.echo(f"{len(cancelled.jobs)} cancelled.")
    for job in cancelled.under_way:
        click.echo(f"note: job {job.id} of {job.student} is under way and was left alone.", err=True)
    return 0


def _require_known(known: list[Job], student: str | None, jobs: tuple[int, ...]) -> None:
    """UsageError where the queue has never seen this student or one of these jobs."""
    from grader.course.table import nearest
    from grader.errors import UsageError

    students = {job.student for job in known}
    if student is not None and student not in students:
        what = f"nothing of {student!r} was ever queued"
        raise UsageError(what, where="--student", remedy=nearest(student, students))
    strange = sorted(set(jobs) - {job.id for job in known})
    if strange:
        raise UsageError(f"there is no job {strange[0]}", where="--job", remedy="list them: grader gpu queue --all")


def _timed_names(course: Course, tasks: tuple[str, ...]) -> list[str]:
    from grader.course import select_assignments
    from grader.errors import UsageError

    chosen = select_assignments(course, tasks)
    ordinary = [each.name for each in chosen if each.timed is None]
    if tasks and ordinary:
        raise UsageError(f"{ordinary[0]} is no timed task", remedy="name an assignment with a table [timed]")
    return [each.name for each in chosen if each.timed is not None]


def _rows(queue: JobQueue, task: str, *, everything: bool) -> list[dict[str, Any]]:
    """What is under way first, then what waits in its order, then, where it was asked for, the rest."""
    jobs = queue.jobs(task)
    order = queue.in_order(task)
    under_way = [job for job in jobs if job.state in ("running", "trained")]
    rest = [job for job in jobs if job.state not in UNFINISHED] if everything else []
    each = queue.expected_seconds(task)
    rows = []
    for place, job in enumerate([*under_way, *order, *rest]):
        ahead = sum(_left(other, each) for other in [*under_way, *order][:place])
        wait = ahead if each is not None and job.state == "queued" else None
        rows.append(_row(job, queue.used_seconds(job.student, task), wait))
    return rows


def _left(job: Job, each: float | None) -> float:
    """Device seconds that a job still needs, from what others took."""
    if each is None or job.state == "trained":
        return 0.0
    return max(0.0, each - sum(run.seconds for run in job.runs))


def _row(job: Job, used: float, wait: float | None) -> dict[str, Any]:
    return {
        "job": job.id,
        "task": job.assignment,
        "student": job.student,
        "state": job.state.value,
        "device": job.device if job.state != "queued" else "",
        "runs": len(job.runs),
        "small": job.small,
        "queued_at": job.queued_at.isoformat(),
        "used_seconds": round(used, 3),
        "wait_seconds": None if wait is None else round(wait, 1),
    }
