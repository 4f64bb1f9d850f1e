"""The queue of timed tasks: who waits, who runs, which runs are in. It lives in the results database.

A job goes QUEUED → RUNNING → TRAINED → JUDGED; the last step is :meth:`grader.store.database.Store.record`. Each step
is one transaction, so whatever ends the process in between, the database holds the state before or the state after::

    with Store(url) as store:
        queue = JobQueue(store)
        for job in queue.take_back(device):          # those of a runner that was killed; we hold the device's lock
            ...
        session = queue.open_session(assignment, device, small, info)
        queue.add_run(None, session, reference_run)
        while (job := queue.take(assignment, small, device, session)) is not None:
            queue.add_run(job.id, session, run)      # for each of its runs
            queue.trained(job.id)
        queue.add_run(None, session, reference_run)
        for job in queue.trained_jobs(session):
            store.record(judge(job, queue.references(session)), job.id)
        queue.close_session(session, seeds)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, exists, func, insert, select, true, update

from grader.errors import StoreError
from grader.model import Job, JobState, TrainingRun
from grader.store.base import Database
from grader.store.jobs import (
    CHARGED,
    REPLACED,
    UNDER_WAY,
    UNFINISHED,
    WAITING,
    charged_seconds,
    give_back,
    is_in,
    load_jobs,
    lock_queue,
    of,
    require,
)
from grader.store.runs import insert_run, load_runs
from grader.store.schema import timed_jobs, timed_sessions, training_runs
from grader.store.values import from_json, storable, to_json


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of the jobs that were to be cancelled."""

    jobs: tuple[Job, ...]  # they had waited, and are cancelled now
    under_way: tuple[Job, ...]  # they run or wait for their verdict, and were left alone


@dataclass(frozen=True, slots=True)
class TimedSession:
    """One device, held while submissions and the reference train on the same draws."""

    id: int
    assignment: str
    device: str
    small: bool
    info: Mapping[str, Any]  # what was given to open_session
    started_at: datetime  # UTC
    seeds: tuple[int, ...] | None  # None until it has ended
    ended_at: datetime | None  # UTC


class JobQueue:
    """The queue in an open results database; threads and processes may share it.

    Machines may where one process writes for all, as with Ray. Runners of their own on several machines must not:
    :meth:`take_back` goes by a device's name, and the lock behind it ends at the machine.

    :raises StoreError: from every method, as those of the database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, assignment: str, student: str, key: str, *, small: bool, budget_seconds: float) -> Job:
        """Queue what a student has handed in; the same content that is unfinished is not queued again.

        It replaces older content of this student and task that still waits.

        :param key: content key of the submission.
        :param budget_seconds: device seconds that the student may use on this task. Where they are used up, the job
            comes back OVER_BUDGET with the reason and will not run; with a larger budget it can be queued again.
        """
        variant = of(student, assignment) & timed_jobs.c.small.is_(small)
        same = variant & (timed_jobs.c.key == storable(key))
        with self._database.transaction(writes=True) as connection:
            lock_queue(connection)
            older = variant & is_in(WAITING) & (timed_jobs.c.key != storable(key))
            connection.execute(update(timed_jobs).where(older).values(_ended(JobState.CANCELLED, REPLACED)))
            unfinished = load_jobs(connection, same & is_in(UNFINISHED))
            if unfinished:
                return unfinished[-1]
            used = charged_seconds(connection, student, assignment)
            change: dict[str, Any] = {"state": JobState.QUEUED.value, "finished_at": None, "reason": ""}
            if used >= budget_seconds:
                reason = f"{used:.0f} s of the {budget_seconds:.0f} s of device time for this task are used up"
                change = _ended(JobState.OVER_BUDGET, reason)
            change["queued_at"] = datetime.now(UTC)
            refused = load_jobs(connection, same & is_in([JobState.OVER_BUDGET]))
            if refused:  # it has not run; its one row tells where it stands now
                job_id = refused[-1].id
                connection.execute(update(timed_jobs).where(timed_jobs.c.id == job_id).values(change))
            else:
                names = {"assignment": storable(assignment), "student": storable(student), "key": storable(key)}
                row = insert(timed_jobs).values(names | {"small": small, "device": ""} | change)
                job_id = connection.execute(row.returning(timed_jobs.c.id)).scalar_one()
            [job] = load_jobs(connection, timed_jobs.c.id == job_id)
            return job

    def take(
        self,
        assignment: str,
        small: bool,
        device: str,
        session: int,
        among: Collection[int] | None = None,
    ) -> Job | None:
        """Claim the job whose turn it is; nobody else gets it. ``None`` where none may run now.

        First comes who has used the least device time, over all tasks; then who has waited longest. While a student's
        earlier submission of the task is under way, the later one waits, so that marks come in the order of hand-ins.

        :param among: numbers of the jobs that the caller can run; ``None``: any.
        :returns: the job, RUNNING, with the runs that an earlier, interrupted attempt has left.
        :raises StoreError: there is no such session, or it has ended.
        """
        wanted = (timed_jobs.c.assignment == storable(assignment)) & timed_jobs.c.small.is_(small) & is_in(WAITING)
        if among is not None:
            wanted &= timed_jobs.c.id.in_(among)
        with self._database.transaction(writes=True) as connection:
            lock_queue(connection)
            self._require_open(connection, session)
            first = select(timed_jobs.c.id).where(wanted, ~_earlier_under_way()).order_by(*_turn()).limit(1)
            job_id = connection.execute(first).scalar_one_or_none()
            if job_id is None:
                return None
            change = {
                "state": JobState.RUNNING.value,
                "device": storable(device),
                "session_id": session,
                "started_at": datetime.now(UTC),
            }
            connection.execute(update(timed_jobs).where(timed_jobs.c.id == job_id).values(change))
            [job] = load_jobs(connection, timed_jobs.c.id == job_id)
            return job

    def add_run(self, job: int | None, session: int, run: TrainingRun) -> None:
        """Keep a run that has just ended.

        :param job: ``None``: a run of the reference.
        :raises StoreError: the job does not run in this session, or the session has ended.
        """
        with self._database.transaction(writes=True) as connection:
            lock_queue(connection)
            self._require_open(connection, session)
            if job is not None:
                row = require(connection, self._database.place, job, [JobState.RUNNING])
                if row["session_id"] != session:
                    raise self._refusal(f"Job {job} runs in session {row['session_id']}, not in {session}.")
            insert_run(connection, job, session, run)

    def trained(self, job: int) -> None:
        """Say that all runs of a RUNNING job are in; its verdict waits for the reference."""
        with self._database.transaction(writes=True) as connection:
            lock_queue(connection)
            require(connection, self._database.place, job, [JobState.RUNNING])
            change = {"state": JobState.TRAINED.value}
            connection.execute(update(timed_jobs).where(timed_jobs.c.id == job).values(change))

    def requeue(self, job: int) -> None:
        """Give back a RUNNING or TRAINED job; its runs are kept, and its place is the one that it had.

        Where the student has handed in something later that waits already, the job is CANCELLED instead.
        """
        with self._database.transaction(writes=True) as connection:
            lock_queue(connection)
            require(connection, self._database.place, job, UNDER_WAY)
            give_back(connection, timed_jobs.c.id == job)

    def take_back(self, device: str) -> list[Job]:
        """:meth:`requeue` the RUNNING jobs of a device whose runner is gone.

        The caller holds the device's lock, which is the proof that nobody works on them.
        """
        with self._database.transaction(writes=True) as connection:
            lock_queue(connection)
            return give_back(connection, (timed_jobs.c.device == storable(device)) & is_in([JobState.RUNNING]))

    def cancel(
        self, *, student: str | None = None, assignment: str | None = None, ids: Collection[int] | None = None
    ) -> Cancelled:
        """Cancel the QUEUED jobs to which all that is given applies; without anything, all of them.

        Jobs under way are told apart and left alone.
        """
        which: ColumnElement[bool] = true()
        if student is not None:
            which &= timed_jobs.c.student == storable(student)
        if assignment is not None:
            which &= timed_jobs.c.assignment == storable(assignment)
        if ids is not None:
            which &= timed_jobs.c.id.in_(ids)
        with self._database.transaction(writes=True) as connection:
            lock_queue(connection)
            under_way = load_jobs(connection, which & is_in(UNDER_WAY))
            waiting = timed_jobs.c.id.in_([job.id for job in load_jobs(connection, which & is_in(WAITING))])
            change = _ended(JobState.CANCELLED, "cancelled by the instructor")
            connection.execute(update(timed_jobs).where(waiting).values(change))
            return Cancelled(tuple(load_jobs(connection, waiting)), tuple(under_way))

    def open_session(self, assignment: str, device: str, small: bool, info: Mapping[str, Any]) -> int:
        """Begin a session; its number.

        :param info: what is worth knowing of it later, as JSON values: the reference's key, versions.
        """
        values = {
            "assignment": storable(assignment),
            "device": storable(device),
            "small": small,
            "info": to_json(info),
            "started_at": datetime.now(UTC),
        }
        with self._database.transaction(writes=True) as connection:
            row = insert(timed_sessions).values(values).returning(timed_sessions.c.id)
            return int(connection.execute(row).scalar_one())

    def close_session(self, session: int, seeds: Sequence[int] | None) -> None:
        """End a session and log its seeds, which are secret no more.

        :param seeds: ``None``: the session was cut off and its list is lost; those of its runs are logged.
        :raises StoreError: it has ended before, or a job of it has no verdict yet.
        """
        with self._database.transaction(writes=True) as connection:
            lock_queue(connection)
            self._require_open(connection, session)
            open_jobs = load_jobs(connection, (timed_jobs.c.session_id == session) & is_in(UNDER_WAY))
            if open_jobs:
                raise self._refusal(f"Session {session} cannot end: job {open_jobs[0].id} has no verdict yet.")
            if seeds is None:
                runs = training_runs.c.session_id == session
                query = select(training_runs.c.seed).where(runs).order_by(training_runs.c.id)
                seeds = list(dict.fromkeys(connection.execute(query).scalars()))
            change = {"seeds": to_json(list(seeds)), "ended_at": datetime.now(UTC)}
            connection.execute(update(timed_sessions).where(timed_sessions.c.id == session).values(change))

    def session(self, session: int) -> TimedSession:
        """A session.

        :raises StoreError: there is none with this number.
        """
        with self._database.transaction() as connection:
            return self._session(connection, session)

    def unfinished_sessions(self, device: str) -> list[int]:
        """Sessions of this device without an end, oldest first: cut off, if the caller holds the device's lock.

        Their TRAINED jobs can be judged by their own references; then they can be closed.
        """
        cut_off = (timed_sessions.c.device == storable(device)) & timed_sessions.c.ended_at.is_(None)
        with self._database.transaction() as connection:
            query = select(timed_sessions.c.id).where(cut_off).order_by(timed_sessions.c.id)
            return list(connection.execute(query).scalars())

    def references(self, session: int) -> list[TrainingRun]:
        """Runs of the reference in a session, in order."""
        which = (training_runs.c.session_id == session) & training_runs.c.job_id.is_(None)
        with self._database.transaction() as connection:
            return list(load_runs(connection, which).get(None, ()))

    def runs(self, job: int, session: int) -> list[TrainingRun]:
        """Runs of a job that one session has made; a job that was cut off has runs of several."""
        which = (training_runs.c.job_id == job) & (training_runs.c.session_id == session)
        with self._database.transaction() as connection:
            return list(load_runs(connection, which).get(job, ()))

    def trained_jobs(self, session: int) -> list[Job]:
        """Jobs of a session that wait for their verdict, oldest first."""
        with self._database.transaction() as connection:
            return load_jobs(connection, (timed_jobs.c.session_id == session) & is_in([JobState.TRAINED]))

    def jobs(self, assignment: str | None = None, states: Collection[JobState] | None = None) -> list[Job]:
        """Jobs, oldest first; ``None`` means all."""
        which: ColumnElement[bool] = true()
        if assignment is not None:
            which &= timed_jobs.c.assignment == storable(assignment)
        if states is not None:
            which &= is_in(states)
        with self._database.transaction() as connection:
            return load_jobs(connection, which)

    def in_order(self, assignment: str, *, small: bool | None = None) -> list[Job]:
        """The QUEUED jobs as :meth:`take` would give them if no run were added; held-up ones stand last."""
        which = (timed_jobs.c.assignment == storable(assignment)) & is_in(WAITING)
        if small is not None:
            which &= timed_jobs.c.small.is_(small)
        with self._database.transaction() as connection:
            return load_jobs(connection, which, case((_earlier_under_way(), 1), else_=0), *_turn())

    def used_seconds(self, student: str, assignment: str | None = None) -> float:
        """Device seconds that a student has used; ``None``: on all tasks.

        Disturbed runs are not counted: what kept the device from its work is never charged to the student.
        """
        with self._database.transaction() as connection:
            return charged_seconds(connection, student, assignment)

    def expected_seconds(self, assignment: str, *, small: bool | None = None) -> float | None:
        """Mean device seconds of the JUDGED jobs that have run, disturbed runs included; ``None`` without any.

        :param small: only jobs of this variant of the task; ``None``: of both.
        """
        which = (timed_jobs.c.assignment == storable(assignment)) & is_in([JobState.JUDGED])
        if small is not None:
            which &= timed_jobs.c.small.is_(small)
        each = (
            select(func.sum(training_runs.c.seconds).label("seconds"))
            .join(timed_jobs, training_runs.c.job_id == timed_jobs.c.id)
            .where(which)
            .group_by(timed_jobs.c.id)
            .subquery()
        )
        with self._database.transaction() as connection:
            mean = connection.execute(select(func.avg(each.c.seconds))).scalar_one()
            return None if mean is None else float(mean)

    def _session(self, connection: Connection, session_id: int) -> TimedSession:
        query = select(timed_sessions).where(timed_sessions.c.id == session_id)
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise self._refusal(f"There is no session {session_id}.")
        seeds = None if row["seeds"] is None else tuple(row["seeds"])
        return TimedSession(**dict(row) | {"info": from_json(row["info"]), "seeds": seeds})

    def _require_open(self, connection: Connection, session_id: int) -> None:
        if self._session(connection, session_id).ended_at is not None:
            raise self._refusal(f"Session {session_id} has ended.")

    def _refusal(self, what: str) -> StoreError:
        return StoreError(
            what,
            where=self._database.place,
            remedy="if another runner has taken this device over, let that one work; else please report this defect",
        )


def _ended(state: JobState, reason: str) -> dict[str, Any]:
    return {"state": state.value, "finished_at": datetime.now(UTC), "reason": reason}


def _earlier_under_way() -> ColumnElement[bool]:
    """Whether another job of this student and task runs or waits for its verdict."""
    other = timed_jobs.alias()
    return exists().where(
        other.c.student == timed_jobs.c.student,
        other.c.assignment == timed_jobs.c.assignment,
        other.c.state.in_([state.value for state in UNDER_WAY]),
    )


def _turn() -> tuple[ColumnElement[Any], ...]:
    """The order in which jobs are taken: least device seconds of the student first, then oldest."""
    other = timed_jobs.alias()
    used = (
        select(func.coalesce(func.sum(training_runs.c.seconds), 0.0))
        .join(other, training_runs.c.job_id == other.c.id)
        .where(other.c.student == timed_jobs.c.student, CHARGED)
        .correlate(timed_jobs)
        .scalar_subquery()
    )
    return used, timed_jobs.c.id
