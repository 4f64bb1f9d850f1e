"""Probes of the course in this folder and of its results database."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy import URL, inspect

from grader.course import find_course, load_course
from grader.doctor.finding import Finding, State
from grader.errors import StoreError, UsageError
from grader.model import Course
from grader.store.database import Store
from grader.store.engine import WRITES, open_engine, parse_url, place, store_errors

LOCK_SECONDS = 2.0  # a grader that runs now holds the lock for milliseconds
SCRATCH_TABLE = "grader_doctor_writes"


def course(start: Path) -> Finding:
    """Whether ``start`` belongs to a valid course; its absence is a note, since students have none.

    :raises ConfigError: the course is invalid.
    """
    try:
        root = find_course(start)
    except UsageError as error:
        return Finding("course", State.NOTE, "none here or in a folder above; grader check does without", error.remedy)
    found = load_course(root)
    if not found.assignments:
        return Finding("course", State.NOTE, f"{found.name}: no assignment yet ({root})", "write one in solutions/")
    count = len(found.assignments)
    students = f", {len(found.roster)} students on the roster" if found.roster else ""
    return Finding("course", State.OK, f"{found.name}: {count} assignment{'s' * (count != 1)}{students} ({root})")


def open_course(start: Path) -> Course | None:
    """The course, for the probes that depend on it; ``None`` where :func:`course` says why there is none."""
    try:
        return load_course(find_course(start))
    except Exception:  # whatever it is, course() meets it again and its guard reports it
        return None


def database(url: str) -> Finding:
    """Whether results can be read and written. Changes nothing: what it writes is rolled back.

    :raises UsageError: ``url`` is none, or of another kind of database.
    :raises StoreError: unreachable, locked, read-only, damaged, of another program or version.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists():
        return _no_file_yet(Path(str(parsed.database)))
    if _has_tables(parsed):
        Store(url, read_only=True, timeout=LOCK_SECONDS).close()  # raises where they are not ours
    _write_and_roll_back(parsed)
    return Finding("database", State.OK, f"{place(parsed)}: reachable and writable")


def _no_file_yet(file: Path) -> Finding:
    remedy = "make the folder and make it writable, or name another database in course.toml or with --db"
    try:
        with tempfile.TemporaryFile(dir=file.parent) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        raise StoreError(f"cannot be created: {error.strerror}", where=file, remedy=remedy) from error
    return Finding("database", State.OK, f"{file}: not there yet; the first grading creates it")


def _has_tables(url: URL) -> bool:
    engine = open_engine(url, read_only=True, timeout=LOCK_SECONDS)
    try:
        with store_errors(url), engine.connect() as connection:
            return bool(inspect(connection).get_table_names())
    finally:
        engine.dispose()


def _write_and_roll_back(url: URL) -> None:
    engine = open_engine(url, read_only=False, timeout=LOCK_SECONDS)
    try:
        writing = engine.execution_options(**{WRITES: True})
        with store_errors(url), writing.connect() as connection, connection.begin() as transaction:
            connection.exec_driver_sql(f"CREATE TABLE {SCRATCH_TABLE} (x INTEGER)")
            transaction.rollback()
    finally:
        engine.dispose()
