"""The same promises on PostgreSQL: a server of its own in a temporary folder, reached through a socket there."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.errors import StoreError
from grader.model import GradeReport, Outcome, Status, TestResult
from grader.store.database import Store

pytest.importorskip("psycopg", reason="psycopg, the PostgreSQL driver, is not installed")

MARK = GradeReport(
    assignment="dropout",
    student="ada",
    status=Status.GRADED,
    score=1.0,
    max_score=2.0,
    tests=(TestResult("test_mask", "mask ü", 2.0, 1.0, Outcome.FAILED, True, "hint", "message", "trace", "out", 0.1),),
    notes=("a note",),
    key="k1",
    graded_at=datetime(2026, 9, 1, 12, 30, tzinfo=UTC),
)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root; its package brings a user of its own."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The folder of a running server."""
    for program in ("initdb", "pg_ctl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program}, of the PostgreSQL server, is not on the path")
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="grader-pg-"))
    if user is not None:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        # pg_ctl's server keeps the standard streams, so that waiting for a pipe to close would never end.
        with (folder / "client.log").open("ab") as log:
            done = subprocess.run(command, stdout=log, stderr=log, user=user, cwd=folder, check=False, timeout=120)
        assert done.returncode == 0, (folder / "client.log").read_text()

    try:
        run("initdb", "--no-sync", "--auth=trust", "--username=grader", "--encoding=UTF8", "-D", f"{folder}/data")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        run("pg_ctl", "-w", "-D", f"{folder}/data", "-l", f"{folder}/server.log", "-o", options, "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "-D", f"{folder}/data", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def url(server: Path, request: pytest.FixtureRequest) -> str:
    """An empty database."""
    import psycopg

    name = request.node.name[:60]
    with psycopg.connect(host=str(server), user="grader", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"postgresql://grader@/{name}?host={server}"


def test_round_trip(url: str) -> None:
    with Store(url) as store:
        store.record(MARK)
    with Store(url, read_only=True) as store:
        [found] = store.latest()
        assert found == MARK
        assert found.graded_at == MARK.graded_at
        assert store.find("dropout", "ada", "k1") == MARK


def test_failure_hides_no_mark(url: str) -> None:
    failure = replace(MARK, status=Status.NOT_GRADED, score=None, tests=(), key="k2")
    with Store(url) as store:
        store.record(MARK)
        store.record(failure)
        assert store.latest() == [MARK]
        assert store.pending() == [failure]


def test_contradiction_is_refused(url: str) -> None:
    with Store(url) as store:
        for score in (None, float("nan"), 3.0):
            with pytest.raises(StoreError, match="contradicts itself"):
                store.record(replace(MARK, score=score))
        assert store.latest() == []


def test_text_that_postgres_refuses(url: str) -> None:
    with Store(url) as store:
        store.record(replace(MARK, output="nul \0 and half \ud800"))
        assert store.latest()[0].output == "nul \ufffd and half \ufffd"


def test_empty_and_foreign_databases(url: str) -> None:
    import psycopg

    with pytest.raises(StoreError, match="holds no results"):
        Store(url, read_only=True)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE other (x int)")
    with pytest.raises(StoreError, match="belongs to another program"):
        Store(url)


WRITER = """
import sys
from grader.model import GradeReport, Status
from grader.store.database import Store

url, student = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with Store(url) as store:
    for index in range(10):
        store.record(GradeReport(f"a{index:02}", student, Status.GRADED, 1.0, 1.0))
"""


def test_processes_that_create_the_tables_at_once(url: str) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, student], stdin=-1, stdout=-1, stderr=-1, text=True)
        for student in ("ann", "bob", "cyd")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    with Store(url) as store:
        assert len(store.latest()) == 30
