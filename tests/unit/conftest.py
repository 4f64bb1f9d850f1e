"""A PostgreSQL server of the tests' own, in a temporary folder, reached through a socket there."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# nbgrader, when it makes a gradebook, runs alembic by its name; it lies beside this Python.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root; its package brings a user of its own."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """The folder of a running server."""
    pytest.importorskip("psycopg", reason="psycopg, the PostgreSQL driver, is not installed")
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


_numbers = itertools.count()


@pytest.fixture
def new_postgres_url(postgres_server: Path) -> Callable[[], str]:
    """Makes one empty database after another."""
    import psycopg

    def make() -> str:
        name = f"grader_{next(_numbers)}"
        with psycopg.connect(host=str(postgres_server), user="grader", dbname="postgres", autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        return f"postgresql://grader@/{name}?host={postgres_server}"

    return make


@pytest.fixture
def postgres_url(new_postgres_url: Callable[[], str]) -> str:
    """An empty database."""
    return new_postgres_url()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that does not exist yet, in a folder with an odd name."""
    folder = tmp_path / "odd 'folder' #1 ü"
    folder.mkdir()
    return f"sqlite:///{folder}/results.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest) -> str:
    """An empty database of either kind."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))
