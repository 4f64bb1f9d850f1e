"""Jobs of the queue as rows: reading them, and the changes of state that the queue and the store share."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select, text, update

from grader.errors import StoreError
from grader.model import GradeReport, Job, JobState, TrainingRun
from grader.store.runs import load_runs
from grader.store.schema import timed_jobs, training_runs
from grader.store.values import storable

WAITING = (JobState.QUEUED,)
UNDER_WAY = (JobState.RUNNING, JobState.TRAINED)
UNFINISHED = WAITING + UNDER_WAY

REPLACED = "replaced by a later submission"
# Seconds that the student is charged. What was disturbed was not the student's fault.
CHARGED = training_runs.c.disturbed == ""


def lock_queue(connection: Connection) -> None:
    """Keep other writers out of the queue until the transaction ends; readers go on. To be called before any read.

    On SQLite every writing transaction has the database to itself already. On PostgreSQL this lock makes it the same
    for the queue; its transactions take a few milliseconds, a run takes seconds, so nobody waits for long.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {timed_jobs.name} IN SHARE ROW EXCLUSIVE MODE"))


def load_jobs(connection: Connection, which: ColumnElement[bool], *order: ColumnElement[Any]) -> list[Job]:
    """Jobs with their runs; without ``order`` by their number."""
    rows = connection.execute(select(timed_jobs).where(which).order_by(*order, timed_jobs.c.id)).mappings().all()
    runs = load_runs(connection, training_runs.c.job_id.in_(select(timed_jobs.c.id).where(which)))
    return [_job(row, runs.get(row["id"], ())) for row in rows]


def is_in(states: Collection[JobState]) -> ColumnElement[bool]:
    """Whether a job is in one of these states."""
    return timed_jobs.c.state.in_([state.value for state in states])


def of(student: str, assignment: str) -> ColumnElement[bool]:
    """Whether a job is of this student and task."""
    return (timed_jobs.c.student == storable(student)) & (timed_jobs.c.assignment == storable(assignment))


def require(connection: Connection, place: str, job_id: int, states: Collection[JobState]) -> RowMapping:
    """The job's row.

    :raises StoreError: there is no such job, or it is in none of these states.
    """
    row = connection.execute(select(timed_jobs).where(timed_jobs.c.id == job_id)).mappings().one_or_none()
    if row is None:
        raise StoreError(f"The queue holds no job {job_id}.", where=place, remedy="see grader gpu queue")
    if row["state"] not in states:
        raise StoreError(
            f"Job {job_id} of {row['student']}/{row['assignment']} is {row['state']}, not {' or '.join(states)}.",
            where=place,
            remedy="another runner has taken it over and its result counts; see grader gpu queue",
        )
    return row


def give_back(connection: Connection, which: ColumnElement[bool]) -> list[Job]:
    """Queue jobs again; one whose student has handed in something later that waits already is cancelled instead."""
    ids = [job.id for job in load_jobs(connection, which)]
    for job_id in ids:
        mine, later = timed_jobs.alias(), timed_jobs.alias()
        replaced = connection.execute(
            select(later.c.id)
            .join(mine, (mine.c.student == later.c.student) & (mine.c.assignment == later.c.assignment))
            .where(mine.c.id == job_id, later.c.small == mine.c.small, later.c.state == JobState.QUEUED.value)
        ).first()
        change: dict[str, Any] = {"state": JobState.QUEUED.value}
        if replaced is not None:
            change = {"state": JobState.CANCELLED.value, "finished_at": datetime.now(UTC), "reason": REPLACED}
        connection.execute(update(timed_jobs).where(timed_jobs.c.id == job_id).values(change))
    return load_jobs(connection, timed_jobs.c.id.in_(ids))


def charged_seconds(connection: Connection, student: str, assignment: str | None) -> float:
    """Device seconds of a student's undisturbed runs; ``None``: of all tasks."""
    query = (
        select(func.coalesce(func.sum(training_runs.c.seconds), 0.0))
        .join(timed_jobs, training_runs.c.job_id == timed_jobs.c.id)
        .where(timed_jobs.c.student == storable(student), CHARGED)
    )
    if assignment is not None:
        query = query.where(timed_jobs.c.assignment == storable(assignment))
    return float(connection.execute(query).scalar_one())


def lock_for_judging(connection: Connection, place: str, job_id: int, report: GradeReport) -> None:
    """Lock the queue for a report that is about to settle a job.

    :raises StoreError: the job is not under way, or is of another submission or other content.
    """
    lock_queue(connection)
    row = require(connection, place, job_id, UNDER_WAY)
    theirs = (row["student"], row["assignment"], row["key"])
    ours = (storable(report.student), storable(report.assignment), storable(report.key))
    if theirs != ours:
        raise StoreError(
            f"Job {job_id} is of {'/'.join(theirs)}, the report of {'/'.join(ours)}.",
            where=place,
            remedy="this is a defect of the grader: please report it; no mark was written",
        )


def mark_judged(connection: Connection, job_id: int, grading_id: int) -> None:
    """Settle a job by a report that has just been written."""
    change = {"state": JobState.JUDGED.value, "grading_id": grading_id, "finished_at": datetime.now(UTC)}
    connection.execute(update(timed_jobs).where(timed_jobs.c.id == job_id).values(change))


def _job(row: RowMapping, runs: tuple[TrainingRun, ...]) -> Job:
    return Job(
        id=row["id"],
        assignment=row["assignment"],
        student=row["student"],
        key=row["key"],
        state=JobState(row["state"]),
        queued_at=row["queued_at"],
        small=row["small"],
        session=row["session_id"],
        device=row["device"],
        runs=runs,
        reason=row["reason"],
    )
