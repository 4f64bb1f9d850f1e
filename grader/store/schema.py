"""Tables of the results database. Change one, and :data:`VERSION` goes up by one and grader/store/migrate.py by a step.

Every attempt to grade a submission is a row of ``gradings`` and is never updated or deleted; which of them is the
current mark is a question that :mod:`grader.store.database` answers, not a column that could contradict the rows.

Submissions of timed tasks pass through ``timed_jobs``, the queue. Each of their runs is a row of ``training_runs`` and
is never updated or deleted either, so that a runner killed at any moment leaves behind all that had come in.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

VERSION = 2  # of this schema; an older database is brought up to date by the first command that writes to it


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC; SQLite has no zones, so there it is stored without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData()

schema_info = Table("schema_info", metadata, Column("version", Integer, primary_key=True))

# Points are sums of floats, so a full mark may exceed its maximum by rounding. NaN and infinity fail the checks: SQLite
# turns NaN into NULL, PostgreSQL sorts it above every number.
_ROUNDING = 1e-6

gradings = Table(
    "gradings",
    metadata,
    Column("id", Integer, primary_key=True),  # grows with time: the order of attempts
    Column("assignment", String, nullable=False),
    Column("student", String, nullable=False),
    Column("status", String, nullable=False),  # model.Status
    Column("score", Float),  # points; NULL exactly where the grader gave no mark
    Column("max_score", Float, nullable=False),  # points
    Column("reason", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("notes", JSON, nullable=False),  # list of strings
    Column("output", Text, nullable=False),
    Column("seconds", Float, nullable=False),  # wall seconds
    Column("key", String, nullable=False),  # content key; empty: never found again
    Column("graded_at", UTCDateTime, nullable=False),
    Column("job_id", ForeignKey("timed_jobs.id", name="gradings_job")),  # of a timed task; its runs are this job's
    Column("training", JSON(none_as_null=True)),  # model.Training without its runs
    CheckConstraint("(status = 'not_graded') = (score IS NULL)", name="no_mark_without_grading"),
    CheckConstraint(f"score IS NULL OR (score >= 0 AND score <= max_score + {_ROUNDING})", name="score_in_range"),
)
Index("gradings_by_submission", gradings.c.assignment, gradings.c.student, gradings.c.id)
Index("gradings_by_job", gradings.c.job_id, unique=True)

test_results = Table(
    "test_results",
    metadata,
    Column("grading_id", ForeignKey(gradings.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),  # order of the suite, from 0
    Column("name", String, nullable=False),
    Column("title", String, nullable=False),
    Column("points", Float, nullable=False),
    Column("earned", Float, nullable=False),
    Column("outcome", String, nullable=False),  # model.Outcome
    Column("visible", Boolean, nullable=False),
    Column("hint", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("seconds", Float, nullable=False),  # wall seconds
    CheckConstraint(f"earned >= 0 AND earned <= points + {_ROUNDING}", name="earned_in_range"),
)

timed_sessions = Table(
    "timed_sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("assignment", String, nullable=False),
    Column("device", String, nullable=False),
    Column("small", Boolean, nullable=False),  # judged by [timed.small]
    Column("info", JSON, nullable=False),  # the reference's key, versions …: what the caller wants to keep
    Column("seeds", JSON(none_as_null=True)),  # list of int; NULL until the session has ended: secret till then
    Column("started_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime),
    CheckConstraint("(seeds IS NULL) = (ended_at IS NULL)", name="seeds_are_secret_until_the_end"),
)

timed_jobs = Table(
    "timed_jobs",
    metadata,
    Column("id", Integer, primary_key=True),  # grows with time: the order of arrival
    Column("assignment", String, nullable=False),
    Column("student", String, nullable=False),
    Column("key", String, nullable=False),  # content key of what was queued
    Column("state", String, nullable=False),  # model.JobState
    Column("small", Boolean, nullable=False),
    Column("queued_at", UTCDateTime, nullable=False),
    Column("started_at", UTCDateTime),  # when it was last taken
    Column("finished_at", UTCDateTime),  # when it was judged, cancelled or refused
    Column("session_id", ForeignKey(timed_sessions.c.id)),  # that has last run it
    Column("device", String, nullable=False),  # empty: never taken
    Column("reason", Text, nullable=False),  # why it was cancelled or refused; empty otherwise
    # use_alter: gradings and jobs refer to each other, so one of the two is told afterwards.
    Column("grading_id", ForeignKey(gradings.c.id, name="timed_jobs_grading", use_alter=True)),
    CheckConstraint("(state = 'judged') = (grading_id IS NOT NULL)", name="judged_by_a_grading"),
    CheckConstraint("state NOT IN ('running', 'trained') OR session_id IS NOT NULL", name="run_by_a_session"),
)
Index("timed_jobs_by_submission", timed_jobs.c.student, timed_jobs.c.assignment, timed_jobs.c.state)
# A student waits once per task: what is handed in later replaces what still waits.
_waiting = timed_jobs.c.state == "queued"
Index(
    "timed_jobs_wait_once",
    timed_jobs.c.assignment,
    timed_jobs.c.student,
    timed_jobs.c.small,
    unique=True,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)

training_runs = Table(
    "training_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", ForeignKey(timed_jobs.c.id)),  # NULL: a run of the reference
    Column("session_id", ForeignKey(timed_sessions.c.id), nullable=False),
    Column("position", Integer, nullable=False),  # among the job's runs, or the session's of the reference; from 0
    Column("seed", BigInteger, nullable=False),  # 0 … 2**63 - 1
    Column("outcome", String, nullable=False),  # model.Outcome
    Column("seconds", Float, nullable=False),  # wall seconds
    Column("train_seconds", Float),  # wall seconds
    Column("accuracy", Float),  # 0 … 1
    Column("hidden_images", Integer, nullable=False),
    Column("device", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("curve", JSON, nullable=False),  # list of [epoch, loss, accuracy, seconds], see grader/store/values.py
    Column("disturbed", Text, nullable=False),  # empty: nothing else kept the device from its work
    Column("conditions", JSON, nullable=False),
    Column("recorded_at", UTCDateTime, nullable=False),
    UniqueConstraint("job_id", "position"),
    # PostgreSQL sorts NaN above every number, SQLite turns it into NULL; neither passes.
    CheckConstraint("seconds >= 0 AND seconds < 1e9", name="seconds_are_finite"),
    CheckConstraint("train_seconds IS NULL OR (train_seconds >= 0 AND train_seconds < 1e9)", name="train_is_finite"),
    CheckConstraint(f"accuracy IS NULL OR (accuracy >= 0 AND accuracy <= 1 + {_ROUNDING})", name="accuracy_in_range"),
    CheckConstraint("outcome <> 'passed' OR accuracy IS NOT NULL", name="predictions_are_judged"),
)
_reference = training_runs.c.job_id.is_(None)
Index(
    "training_runs_of_reference",
    training_runs.c.session_id,
    training_runs.c.position,
    unique=True,
    sqlite_where=_reference,
    postgresql_where=_reference,
)
