"""The results database: every attempt to grade a submission, and which of them is its mark."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Subquery,
    case,
    func,
    insert,
    inspect,
    select,
    text,
)

from grader.errors import StoreError
from grader.model import GradeReport, Outcome, Status, TestResult
from grader.store.engine import BUSY_SECONDS, WRITES, open_engine, parse_url, place, store_errors
from grader.store.schema import VERSION, gradings, metadata, schema_info, test_results

_ADVISORY_LOCK = 7_237_164_120  # any constant will do: PostgreSQL's key for "the tables are being created"


class Store:
    """Results in SQLite (a file, WAL mode) or PostgreSQL; a context manager.

    An attempt is one row, so a regrade can be compared with what it replaces. The **current** report of a submission
    is its newest attempt that gave a mark. An attempt with status ``not_graded`` is a failure of the grader; it is
    kept, but never takes the place of a mark. Only where there is no mark at all it is what :meth:`latest` shows.

    Several processes may write to one database. A ``Store`` belongs to the process that opened it.

    :param url: ``sqlite:///results.sqlite``, ``postgresql://user@host/database``.
    :param read_only: for commands that only show results: creates and changes nothing.
    :param timeout: seconds to wait for another writer.
    :raises UsageError: the URL is none, or of another kind of database.
    :raises StoreError: locked, unwritable, damaged, full, unreachable or of another version; also from every method.
    """

    def __init__(self, url: str, *, read_only: bool = False, timeout: float = BUSY_SECONDS) -> None:
        self._url = parse_url(url)
        self._engine = open_engine(self._url, read_only=read_only, timeout=timeout)
        try:
            self._check_schema(read_only)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; SQLite then folds its -wal file into the main one."""
        with store_errors(self._url):
            self._engine.dispose()

    def record(self, report: GradeReport) -> None:
        """Write one attempt in one transaction: afterwards all of it is there, or nothing.

        ``graded_at`` is now where the report has none. NUL and lone surrogates, which databases refuse, become U+FFFD.
        """
        with self._transaction(writes=True) as connection:
            grading = insert(gradings).values(_grading_values(report)).returning(gradings.c.id)
            grading_id = connection.execute(grading).scalar_one()
            rows = [_test_values(grading_id, position, test) for position, test in enumerate(report.tests)]
            if rows:
                connection.execute(insert(test_results), rows)

    def latest(self, assignment: str | None = None, student: str | None = None) -> list[GradeReport]:
        """Current reports, ordered by assignment and student; ``None`` means all."""
        return self._load(_ids(_current(), assignment, student))

    def find(self, assignment: str, student: str, key: str) -> GradeReport | None:
        """The submission's current report if it holds a mark and was made from content with this key."""
        reports = [report for report in self.latest(assignment, student) if report.status is not Status.NOT_GRADED]
        return reports[0] if reports and key and reports[0].key == key else None

    def history(self, assignment: str, student: str) -> list[GradeReport]:
        """Every attempt at a submission, oldest first, failures of the grader included."""
        return self._load(_ids(gradings, assignment, student))

    def pending(self, assignment: str | None = None, student: str | None = None) -> list[GradeReport]:
        """Failed attempts that are newer than the mark which :meth:`latest` shows, and were of other content.

        The mark then belongs to an earlier submission; ordered by assignment and student.
        """
        marks = {(report.assignment, report.student): report for report in self.latest(assignment, student)}
        newest = self._load(_ids(_newest(), assignment, student))
        return [
            attempt
            for attempt in newest
            if attempt.status is Status.NOT_GRADED
            and (mark := marks[attempt.assignment, attempt.student]).status is not Status.NOT_GRADED
            and (not attempt.key or attempt.key != mark.key)
        ]

    @contextmanager
    def _transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        engine = self._engine.execution_options(**{WRITES: writes})
        with store_errors(self._url), engine.begin() as connection:
            yield connection

    def _check_schema(self, read_only: bool) -> None:
        with self._transaction() as connection:
            version = self._version(connection)
        if version is None and read_only:
            raise self._foreign("The database holds no results.")
        if version is None:
            version = self._create_schema()
        if version != VERSION:
            raise StoreError(
                f"The results database has schema version {version}; this grader reads version {VERSION}.",
                where=place(self._url),
                remedy="use the grader that wrote it, or name another database with --db and grade again",
            )

    def _create_schema(self) -> int:
        with self._transaction(writes=True) as connection:
            if connection.dialect.name == "postgresql":  # there CREATE TABLE IF NOT EXISTS itself may race
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            version = self._version(connection)  # again: another process may have been quicker
            if version is None:
                metadata.create_all(connection)
                connection.execute(insert(schema_info).values(version=VERSION))
                version = VERSION
            return version

    def _version(self, connection: Connection) -> int | None:
        """The schema version; ``None`` for an empty database."""
        tables = inspect(connection).get_table_names()
        if not tables:
            return None
        if schema_info.name not in tables:
            raise self._foreign("The database belongs to another program.")
        return connection.execute(select(schema_info.c.version)).scalar_one_or_none()

    def _foreign(self, what: str) -> StoreError:
        return StoreError(what, where=place(self._url), remedy="name the results database with --db")

    def _load(self, ids: Select[tuple[int]]) -> list[GradeReport]:
        with self._transaction() as connection:
            heads = connection.execute(select(gradings).where(gradings.c.id.in_(ids))).mappings().all()
            rows = connection.execute(
                select(test_results)
                .where(test_results.c.grading_id.in_(ids))
                .order_by(test_results.c.grading_id, test_results.c.position)
            ).mappings()
            tests: dict[int, list[TestResult]] = defaultdict(list)
            for row in rows:
                tests[row["grading_id"]].append(_test_result(row))
        # Ordered here, because databases differ in how they collate text.
        ordered = sorted(heads, key=lambda head: (head["assignment"], head["student"], head["id"]))
        return [_grade_report(head, tests[head["id"]]) for head in ordered]


def _current() -> Subquery:
    """Per submission the newest attempt with a mark; without any mark the newest attempt."""
    failed = case((gradings.c.status == Status.NOT_GRADED.value, 1), else_=0)
    return _first_per_submission(failed, gradings.c.id.desc())


def _newest() -> Subquery:
    return _first_per_submission(gradings.c.id.desc())


def _first_per_submission(*order: ColumnElement[Any]) -> Subquery:
    rank = func.row_number().over(partition_by=(gradings.c.assignment, gradings.c.student), order_by=order)
    ranked = select(gradings.c.id, gradings.c.assignment, gradings.c.student, rank.label("rank")).subquery()
    return select(ranked).where(ranked.c.rank == 1).subquery()


def _ids(source: Any, assignment: str | None, student: str | None) -> Select[tuple[int]]:
    query = select(source.c.id)
    if assignment is not None:
        query = query.where(source.c.assignment == _storable(assignment))
    if student is not None:
        query = query.where(source.c.student == _storable(student))
    return query


_REFUSED = re.compile("[\x00\ud800-\udfff]")


def _storable(value: str) -> str:
    return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", value)


def _grading_values(report: GradeReport) -> dict[str, Any]:
    return {
        "assignment": _storable(report.assignment),
        "student": _storable(report.student),
        "status": report.status.value,
        "score": report.score,
        "max_score": report.max_score,
        "reason": _storable(report.reason),
        "traceback": _storable(report.traceback),
        "notes": [_storable(note) for note in report.notes],
        "output": _storable(report.output),
        "seconds": report.seconds,
        "key": report.key,
        "graded_at": report.graded_at or datetime.now(UTC),
    }


def _test_values(grading_id: int, position: int, test: TestResult) -> dict[str, Any]:
    return {
        "grading_id": grading_id,
        "position": position,
        "name": _storable(test.name),
        "title": _storable(test.title),
        "points": test.points,
        "earned": test.earned,
        "outcome": test.outcome.value,
        "visible": test.visible,
        "hint": _storable(test.hint),
        "message": _storable(test.message),
        "traceback": _storable(test.traceback),
        "output": _storable(test.output),
        "seconds": test.seconds,
    }


def _test_result(row: RowMapping) -> TestResult:
    fields = {name: row[name] for name in row if name not in ("grading_id", "position", "outcome")}
    return TestResult(**fields, outcome=Outcome(row["outcome"]))


def _grade_report(head: RowMapping, tests: Sequence[TestResult]) -> GradeReport:
    fields = {name: head[name] for name in head if name not in ("id", "status", "notes")}
    return GradeReport(**fields, status=Status(head["status"]), notes=tuple(head["notes"]), tests=tuple(tests))
