"""From a database URL to a SQLAlchemy engine, and from a driver's error to one that a person can act on."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from grader.errors import StoreError, UsageError

BUSY_SECONDS = 30.0  # wait for another writer; one transaction takes milliseconds, so this long means a stuck process

# Execution option of connections whose transaction will write.
WRITES = "grader_writes"

_URL_REMEDY = "write it as sqlite:///results.sqlite or postgresql://user@host/database"


def parse_url(url: str) -> URL:
    """Parse a database URL; the file of a SQLite URL becomes absolute, from the working directory.

    :raises UsageError: for text that is no URL and for databases other than SQLite and PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError(f"{url!r} is not a database URL.", remedy=_URL_REMEDY) from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        # psycopg 3 is the only driver that is tested, so a URL without a driver means that one.
        return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed
    if backend != "sqlite":
        raise UsageError(f"Results are not kept in {backend!r}, only in SQLite and PostgreSQL.", remedy=_URL_REMEDY)
    if not parsed.database or parsed.database == ":memory:":
        raise UsageError(f"The database URL {url!r} names no file.", remedy=_URL_REMEDY)
    if parsed.query:
        raise UsageError(f"The database URL {url!r} has options, which SQLite takes none of.", remedy=_URL_REMEDY)
    return parsed.set(database=str(Path(parsed.database).absolute()))


def place(url: URL) -> str:
    """What an error message calls the database: the file, or the URL without its password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def open_engine(url: URL, *, read_only: bool, timeout: float) -> Engine:
    """Make the engine of a URL from :func:`parse_url`; PostgreSQL connects lazily, SQLite checks its file.

    :param read_only: open without creating or changing anything.
    :param timeout: seconds to wait for a lock.
    """
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url, read_only=read_only, timeout=timeout)
    try:
        milliseconds = int(timeout * 1000)
        return create_engine(url, connect_args={"connect_timeout": 10, "options": f"-c lock_timeout={milliseconds}"})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StoreError(
            f"The database driver is missing: {error}.", where=place(url), remedy="pip install 'psycopg[binary]'"
        ) from None


def _open_sqlite(url: URL, *, read_only: bool, timeout: float) -> Engine:
    file = Path(str(url.database))
    if read_only and not file.exists():
        raise StoreError(
            "There is no results database yet.", where=file, remedy="grade first (grader grade), or name it with --db"
        )
    if not file.parent.is_dir():
        raise StoreError("The folder of the results database does not exist.", where=file.parent, remedy="create it")
    address = f"file:{quote(str(file))}?{_open_mode(file, read_only)}"

    def connect() -> sqlite3.Connection:
        # isolation_level=None: this module begins its transactions itself, see _begin.
        return sqlite3.connect(address, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            _switch_to_wal(connection, timeout)
            # In WAL mode a killed process loses nothing without a sync per commit (5 ms each), and a power cut at most
            # the last commits: what they held is due again.
            connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later is refused at once where another one wrote in between, and
        # no timeout helps; taking the write lock at the beginning waits in line instead.
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _switch_to_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Make readers and the one writer not wait for one another; the file remembers it.

    Where several processes switch a new file at the same moment, SQLite refuses all but one at once, whatever the
    timeout (seen in 1 of 8 starts of 6 processes); so this asks again.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
        time.sleep(0.01)


def _open_mode(file: Path, read_only: bool) -> str:
    if not read_only:
        return "mode=rwc"
    # A reader of a WAL database needs its -shm file and creates it where it is missing. In a folder where it may not,
    # and with no -wal file that could hold newer results, the file itself is all there is and nobody changes it.
    frozen = not os.access(file.parent, os.W_OK) and not file.with_name(file.name + "-wal").exists()
    return "mode=ro&immutable=1" if frozen else "mode=ro"


@contextmanager
def store_errors(url: URL) -> Iterator[None]:
    """Turn every database error of the block into a StoreError that says what, where and what to do."""
    try:
        yield
    except sqlite3.Error as error:  # from opening a connection and its PRAGMAs
        raise _from_sqlite(error, url) from error
    except IntegrityError as error:
        raise StoreError(
            f"The results database refused a result that contradicts itself: {_first_line(error)}",
            where=place(url),
            remedy="this is a defect of the grader: please report it; no mark was written",
        ) from error
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise _from_sqlite(error.orig, url) from error
        raise _from_server(error, url) from error


_ACCESS = "make file and folder writable, or use another --db"
_DISASTER = "restore a backup, or move the file away and grade again"

# SQLite's primary result codes, https://www.sqlite.org/rescode.html: what a person sees, and the remedy.
_SQLITE = {
    sqlite3.SQLITE_BUSY: (
        "Another process keeps the results database locked.",
        "wait until the other grader has ended, or end it, and run this again; results already written stay",
    ),
    sqlite3.SQLITE_READONLY: ("The results database is read-only.", _ACCESS),
    sqlite3.SQLITE_CANTOPEN: (
        "The results database cannot be opened or created.",
        "check that the folder is there and writable, or use another --db",
    ),
    sqlite3.SQLITE_PERM: ("Access to the results database is denied.", _ACCESS),
    sqlite3.SQLITE_FULL: ("The disk is full.", "make room and run this again; results already written stay"),
    sqlite3.SQLITE_IOERR: (
        "The disk failed while the results database was in use.",
        "check the disk (full? over quota? a network share?) and run this again",
    ),
    sqlite3.SQLITE_NOTADB: ("The file is not a SQLite database.", "name the right one with --db, or move it away"),
    sqlite3.SQLITE_CORRUPT: ("The results database is damaged.", _DISASTER),
}
_SQLITE[sqlite3.SQLITE_LOCKED] = _SQLITE[sqlite3.SQLITE_BUSY]


def _from_sqlite(error: sqlite3.Error, url: URL) -> StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte of an extended code is the primary one
    if code in _SQLITE:
        what, remedy = _SQLITE[code]
        return StoreError(f"{what} ({error})", where=place(url), remedy=remedy)
    return StoreError(f"The results database failed: {error}.", where=place(url), remedy=_DISASTER)


def _from_server(error: DBAPIError, url: URL) -> StoreError:
    return StoreError(
        f"The database server refused: {_first_line(error)}",
        where=place(url),
        remedy="check that the server runs, that the URL is right and that this user may create and write tables",
    )


def _first_line(error: DBAPIError) -> str:
    return next(iter(str(error.orig).strip().splitlines()), type(error).__name__)
