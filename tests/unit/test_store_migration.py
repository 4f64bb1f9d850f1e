"""A database that an older grader wrote: a writer brings it up to date in place, a reader says what to do."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import make_url

from grader.errors import StoreError
from grader.model import GradeReport, Outcome, Status, TestResult
from grader.store import migrate
from grader.store.database import Store
from grader.store.engine import parse_url
from grader.store.queue import JobQueue
from grader.store.schema import VERSION

# The tables as version 1 created them. {id} and {time} are what the two databases name differently.
VERSION_1 = """
CREATE TABLE gradings (
    id {id} NOT NULL,
    assignment VARCHAR NOT NULL,
    student VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    score FLOAT,
    max_score FLOAT NOT NULL,
    reason TEXT NOT NULL,
    traceback TEXT NOT NULL,
    notes JSON NOT NULL,
    output TEXT NOT NULL,
    seconds FLOAT NOT NULL,
    "key" VARCHAR NOT NULL,
    graded_at {time} NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT no_mark_without_grading CHECK ((status = 'not_graded') = (score IS NULL)),
    CONSTRAINT score_in_range CHECK (score IS NULL OR (score >= 0 AND score <= max_score + 1e-06))
);
CREATE INDEX gradings_by_submission ON gradings (assignment, student, id);
CREATE TABLE schema_info (version {id} NOT NULL, PRIMARY KEY (version));
CREATE TABLE test_results (
    grading_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    points FLOAT NOT NULL,
    earned FLOAT NOT NULL,
    outcome VARCHAR NOT NULL,
    visible BOOLEAN NOT NULL,
    hint TEXT NOT NULL,
    message TEXT NOT NULL,
    traceback TEXT NOT NULL,
    output TEXT NOT NULL,
    seconds FLOAT NOT NULL,
    PRIMARY KEY (grading_id, position),
    CONSTRAINT earned_in_range CHECK (earned >= 0 AND earned <= points + 1e-06),
    FOREIGN KEY(grading_id) REFERENCES gradings (id)
);
INSERT INTO schema_info (version) VALUES (1);
INSERT INTO gradings (assignment, student, status, score, max_score, reason, traceback, notes, output, seconds, "key",
    graded_at) VALUES ('dropout', 'ada', 'graded', 2.5, 4.0, '', '', '["cell 2 raised"]', 'loaded', 0.7, 'k1',
    '2026-09-01 12:30:15.250000{zone}');
INSERT INTO test_results VALUES (1, 0, 'test_b', 'scaling', 3.0, 1.5, 'failed', {true}, 'a hint', 'wrong', 'line 3',
    'out', 0.2);
"""
MARK = GradeReport(
    assignment="dropout",
    student="ada",
    status=Status.GRADED,
    score=2.5,
    max_score=4.0,
    tests=(TestResult("test_b", "scaling", 3.0, 1.5, Outcome.FAILED, True, "a hint", "wrong", "line 3", "out", 0.2),),
    notes=("cell 2 raised",),
    output="loaded",
    seconds=0.7,
    key="k1",
    graded_at=datetime(2026, 9, 1, 12, 30, 15, 250_000, tzinfo=UTC),
)


def run(url: str, statements: str) -> None:
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(parsed.database))
        connection.executescript(statements)
        connection.close()
        return
    engine = create_engine(parsed)
    with engine.begin() as server:
        for statement in statements.split(";\n"):
            if statement.strip():
                server.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def old_url(any_url: str) -> str:
    """A database of version 1 with one mark."""
    names = {"id": "INTEGER", "time": "DATETIME", "zone": "", "true": "1"}
    if make_url(any_url).get_backend_name() == "postgresql":
        names = {"id": "SERIAL", "time": "TIMESTAMP WITH TIME ZONE", "zone": "+00:00", "true": "true"}
    statements = VERSION_1
    for name, value in names.items():
        statements = statements.replace("{" + name + "}", value)
    run(any_url, statements)
    return any_url


def shape(url: str) -> dict[str, Any]:
    """Everything about the tables that the database itself tells."""
    engine = create_engine(parse_url(url))
    found = inspect(engine)
    tables = {}
    for name in sorted(found.get_table_names()):
        tables[name] = {
            "columns": {each["name"]: (str(each["type"]), each["nullable"]) for each in found.get_columns(name)},
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "references": sorted(
                (tuple(each["constrained_columns"]), each["referred_table"]) for each in found.get_foreign_keys(name)
            ),
            "indexes": sorted((each["name"], each["column_names"], each["unique"]) for each in found.get_indexes(name)),
            "unique": sorted(each["column_names"] for each in found.get_unique_constraints(name)),
            "checks": sorted(str(each["name"]) for each in found.get_check_constraints(name)),
        }
    engine.dispose()
    return tables


def test_a_writer_keeps_all_and_makes_the_tables_of_a_new_database(
    old_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with Store(old_url) as store:
        assert store.latest() == [MARK]
        assert store.latest()[0].graded_at == MARK.graded_at
        newer = replace(MARK, key="k2", score=3.0)
        store.record(newer)
        assert store.history("dropout", "ada") == [MARK, newer]
        queue = JobQueue(store)
        session = queue.open_session("digits_mlp", "cpu-0", True, {})
        queue.enqueue("digits_mlp", "ada", "k1", small=True, budget_seconds=60)
        job = queue.take("digits_mlp", True, "cpu-0", session)
        assert job is not None
        store.record(replace(MARK, assignment="digits_mlp"), job.id)
    with Store(old_url, read_only=True) as store:
        assert len(store.latest()) == 2
    new_url = f"sqlite:///{tmp_path}/new.sqlite"
    if make_url(old_url).get_backend_name() == "postgresql":
        new_url = request.getfixturevalue("new_postgres_url")()
    Store(new_url).close()
    assert shape(new_url) == shape(old_url)


def test_a_reader_changes_nothing_and_says_what_to_do(old_url: str) -> None:
    before = shape(old_url)
    with pytest.raises(StoreError, match=f"older grader .schema version 1, now {VERSION}") as caught:
        Store(old_url, read_only=True)
    assert "grader grade" in caught.value.remedy
    assert shape(old_url) == before


def test_what_fails_half_way_leaves_the_old_tables(old_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = shape(old_url)
    whole = migrate._STEPS[1]

    def fails_at_its_end(connection: Connection) -> None:
        whole(connection)
        connection.execute(text("SELECT * FROM there_is_no_such_table"))

    monkeypatch.setitem(migrate._STEPS, 1, fails_at_its_end)
    with pytest.raises(StoreError, match="there_is_no_such_table"):
        Store(old_url)
    assert shape(old_url) == before
    monkeypatch.undo()
    with Store(old_url) as store:
        assert store.latest() == [MARK]


def test_several_writers_at_once(old_url: str) -> None:
    problems: list[BaseException] = []
    together = threading.Barrier(4)

    def write(student: str) -> None:
        try:
            together.wait(30)
            with Store(old_url) as store:
                store.record(replace(MARK, student=student))
        except BaseException as error:
            problems.append(error)

    writers = [threading.Thread(target=write, args=(student,)) for student in ("ann", "bob", "cyd", "dan")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert problems == []
    with Store(old_url, read_only=True) as store:
        assert [report.student for report in store.latest()] == ["ada", "ann", "bob", "cyd", "dan"]


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("version", [0, VERSION + 1])
def test_a_version_that_nobody_knows(old_url: str, version: int, read_only: bool) -> None:
    run(old_url, f"UPDATE schema_info SET version = {version}")
    with pytest.raises(StoreError, match=f"schema version {version}; this grader reads version {VERSION}"):
        Store(old_url, read_only=read_only)
