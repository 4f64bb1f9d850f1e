"""The same promises on PostgreSQL. The queue and the migration are tested on both databases in files of their own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

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


@pytest.fixture
def url(postgres_url: str) -> str:
    """An empty database."""
    return postgres_url


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
