"""Tables of the results database. Change one, and :data:`VERSION` goes up by one.

Every attempt to grade a submission is a row of ``gradings`` and is never updated or deleted; which of them is the
current mark is a question that :mod:`grader.store.database` answers, not a column that could contradict the rows.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
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
)
from sqlalchemy.engine import Dialect

VERSION = 1  # of this schema; a database that holds another one is refused


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
    CheckConstraint("(status = 'not_graded') = (score IS NULL)", name="no_mark_without_grading"),
    CheckConstraint(f"score IS NULL OR (score >= 0 AND score <= max_score + {_ROUNDING})", name="score_in_range"),
)
Index("gradings_by_submission", gradings.c.assignment, gradings.c.student, gradings.c.id)

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
