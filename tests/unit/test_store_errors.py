"""Whatever is wrong with a database: one StoreError with what, where and remedy, and nothing lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from grader.errors import StoreError
from grader.model import GradeReport, Status, TestResult
from grader.store.database import Store
from grader.store.schema import VERSION

MARK = GradeReport("dropout", "ada", Status.GRADED, 1.0, 1.0, key="k")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database that holds one mark."""
    path = tmp_path / "results.sqlite"
    with Store(f"sqlite:///{path}") as store:
        store.record(MARK)
    return path


def expect(path: Path, what: str, *, read_only: bool = False) -> StoreError:
    with pytest.raises(StoreError, match=what) as caught, Store(f"sqlite:///{path}", read_only=read_only, timeout=0.05):
        pass
    assert caught.value.where == str(path)
    assert caught.value.remedy
    assert caught.value.exit_code == 2
    return caught.value


def test_no_database_yet(tmp_path: Path) -> None:
    error = expect(tmp_path / "none.sqlite", "no results database yet", read_only=True)
    assert "grader grade" in error.remedy
    assert list(tmp_path.iterdir()) == [], "reading creates nothing"


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder of the results database does not exist") as caught:
        Store(f"sqlite:///{tmp_path}/none/results.sqlite")
    assert caught.value.where == f"{tmp_path}/none"


def test_an_empty_file_is_no_database_to_read_but_one_to_write(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    expect(path, "holds no results", read_only=True)
    with Store(f"sqlite:///{path}") as store:
        assert store.latest() == []


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes. " * 100)
    expect(path, "not a SQLite database")
    expect(path, "not a SQLite database", read_only=True)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite"
    path.mkdir()
    expect(path, "cannot be opened or created")


def test_damaged(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)  # all pages but the first
    file.write_bytes(content)
    assert "backup" in expect(file, "damaged").remedy


def test_another_version(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("UPDATE schema_info SET version = ?", [VERSION + 1])
    connection.commit()
    connection.close()
    expect(file, f"schema version {VERSION + 1}; this grader reads version {VERSION}")


def test_another_program(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE grades (x)")
    connection.close()
    expect(path, "belongs to another program")
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("grades",)], "left as it was"
    connection.close()


@pytest.fixture
def locked(file: Path) -> Iterator[Path]:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield file
    connection.execute("ROLLBACK")
    connection.close()


def test_locked_by_a_writer(locked: Path) -> None:
    with Store(f"sqlite:///{locked}", timeout=0.05) as store:
        assert store.latest() == [MARK], "a writer keeps nobody from reading"
        with pytest.raises(StoreError, match="Another process keeps the results database locked") as caught:
            store.record(MARK)
    assert "wait" in caught.value.remedy
    assert caught.value.where == str(locked)


def test_disk_full_loses_only_the_result_at_hand(file: Path) -> None:
    big = GradeReport(
        "dropout", "bob", Status.GRADED, 1.0, 1.0, tests=(TestResult("t", "t", 1.0, 1.0, output="x" * 1_000_000),)
    )
    with Store(f"sqlite:///{file}") as store:
        # SQLite reports a full disk where a file may not grow; the limit is the one way to have that everywhere.
        event.listen(store._engine, "begin", lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1"))
        with pytest.raises(StoreError, match="The disk is full") as caught:
            store.record(big)
        assert "make room" in caught.value.remedy
        assert store.latest() == [MARK]


def run_without_root_rights(script: str, *arguments: str) -> str:
    """Run Python where file permissions count, also for root."""
    command = [sys.executable, "-c", script, *arguments]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root ignores file permissions, and setpriv, which would make it heed them, is missing")
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if os.geteuid() == 0 and done.returncode == 127:
        pytest.skip(f"setpriv may not drop capabilities here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


RECORD = """
import sys
from grader.errors import StoreError
from grader.model import GradeReport, Status
from grader.store.database import Store

try:
    with Store(sys.argv[1]) as store:
        store.record(GradeReport("dropout", "bob", Status.GRADED, 1.0, 1.0))
except StoreError as error:
    print(error)
"""


def test_an_unwritable_folder(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    said = run_without_root_rights(RECORD, f"sqlite:///{folder}/results.sqlite")
    assert said.startswith(f"{folder}/results.sqlite: The results database cannot be opened or created")
    assert "remedy: check that the folder is there and writable" in said


def test_a_read_only_file(file: Path) -> None:
    file.chmod(0o444)
    said = run_without_root_rights(RECORD, f"sqlite:///{file}")
    assert f"{file}: The results database is read-only" in said
    assert "remedy: make file and folder writable" in said


READ = """
import sys
from grader.store.database import Store

with Store(sys.argv[1], read_only=True) as store:
    print([report.student for report in store.latest()])
"""


def test_results_can_be_read_where_nothing_can_be_written(file: Path) -> None:
    file.chmod(0o444)
    file.parent.chmod(0o555)
    try:
        assert run_without_root_rights(READ, f"sqlite:///{file}") == "['ada']\n"
    finally:
        file.parent.chmod(0o755)


def test_results_can_be_read_while_somebody_writes(locked: Path) -> None:
    with Store(f"sqlite:///{locked}", read_only=True, timeout=0.05) as store:
        assert store.latest() == [MARK]


def test_a_server_that_is_not_there() -> None:
    pytest.importorskip("psycopg", reason="psycopg, the PostgreSQL driver, is not installed")
    with pytest.raises(StoreError, match="database server refused") as caught:
        Store("postgresql://grader:secret@127.0.0.1:1/results")
    assert "secret" not in str(caught.value)
    assert caught.value.where == "postgresql+psycopg://grader:***@127.0.0.1:1/results"


def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)  # what the import system reads as "not installed"
    with pytest.raises(StoreError, match="driver is missing") as caught:
        Store("postgresql://localhost/results")
    assert "pip install" in caught.value.remedy
