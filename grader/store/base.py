"""An open results database: its engine, its transactions and the version of its tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from grader.store.engine import BUSY_SECONDS, WRITES, open_engine, parse_url, place, store_errors
from grader.store.migrate import bring_up_to_date, check_readable


class Database:
    """A results database in SQLite (a file, WAL mode) or PostgreSQL; a context manager.

    Several processes may write to one database. A ``Database`` belongs to the process that opened it; its threads may
    share it.

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
            with self.transaction() as connection:
                current = check_readable(connection, self.place, read_only=read_only)
            if not current:
                with self.transaction(writes=True) as connection:
                    bring_up_to_date(connection, self.place)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def place(self) -> str:
        """What an error message calls this database."""
        return place(self._url)

    def close(self) -> None:
        """Let go of the database; SQLite then folds its -wal file into the main one."""
        with store_errors(self._url):
            self._engine.dispose()

    @contextmanager
    def transaction(self, *, writes: bool = False) -> Iterator[Connection]:
        """A connection whose changes are all kept at the end of the block, or none where it raises.

        :param writes: must be true where the block changes anything. Such blocks come one after another in SQLite.
        """
        engine = self._engine.execution_options(**{WRITES: writes})
        with store_errors(self._url), engine.begin() as connection:
            yield connection
