"""The version of a database's tables: creating them, and bringing those of an older grader up to date in place."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, insert, inspect, select, text, update

from grader.errors import StoreError
from grader.store.schema import (
    VERSION,
    gradings,
    metadata,
    schema_info,
    timed_jobs,
    timed_sessions,
    training_runs,
)

_ADVISORY_LOCK = 7_237_164_120  # any constant will do: PostgreSQL's key for "the tables are being made or changed"


def check_readable(connection: Connection, where: str, *, read_only: bool) -> bool:
    """Tell whether the tables are of this version; false where a writer should :func:`bring_up_to_date`.

    :param where: what an error message calls the database.
    :raises StoreError: the database is another program's or a newer grader's; with ``read_only`` also one that is
        empty or older, since it cannot be brought up to date.
    """
    version = _version(connection, where)
    if version == VERSION:
        return True
    if version is not None and version != VERSION and version not in _STEPS:
        raise StoreError(
            f"The results database has schema version {version}; this grader reads version {VERSION}.",
            where=where,
            remedy="use the grader that wrote it, or name another database with --db and grade again",
        )
    if read_only and version is None:
        raise _foreign("The database holds no results.", where)
    if read_only:
        raise StoreError(
            f"The results database was written by an older grader (schema version {version}, now {VERSION}).",
            where=where,
            remedy="run a command that writes to it, such as grader grade; this brings it up to date and keeps all",
        )
    return False


def bring_up_to_date(connection: Connection, where: str) -> None:
    """Create the tables, or change those of an older version, in a transaction that writes.

    :raises StoreError: as :func:`check_readable`.
    """
    if connection.dialect.name == "postgresql":  # there CREATE TABLE IF NOT EXISTS itself may race
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if check_readable(connection, where, read_only=False):
        return  # another process was quicker
    version = _version(connection, where)
    if version is None:
        metadata.create_all(connection)
        connection.execute(insert(schema_info).values(version=VERSION))
        return
    while version < VERSION:
        _STEPS[version](connection)
        version += 1
    connection.execute(update(schema_info).values(version=version))


def _timed_tasks(connection: Connection) -> None:
    """Version 1 -> 2: the queue, its sessions and runs, and what a report says of them.

    A version 3 that changes one of these tables must spell out here how version 2 had it.
    """
    metadata.create_all(connection, tables=[timed_sessions, timed_jobs, training_runs], checkfirst=False)
    # The same statements are right for SQLite and PostgreSQL; both can take them back with the transaction.
    job = "INTEGER CONSTRAINT gradings_job REFERENCES timed_jobs (id)"
    connection.execute(text(f"ALTER TABLE gradings ADD COLUMN job_id {job}"))
    connection.execute(text("ALTER TABLE gradings ADD COLUMN training JSON"))
    for index in gradings.indexes:
        if index.name == "gradings_by_job":
            index.create(connection)


_STEPS: dict[int, Callable[[Connection], None]] = {1: _timed_tasks}  # from this version to the next


def _version(connection: Connection, where: str) -> int | None:
    """The schema version; ``None`` for an empty database."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if schema_info.name not in tables:
        raise _foreign("The database belongs to another program.", where)
    return connection.execute(select(schema_info.c.version)).scalar_one_or_none()


def _foreign(what: str, where: str) -> StoreError:
    return StoreError(what, where=where, remedy="name the results database with --db")
