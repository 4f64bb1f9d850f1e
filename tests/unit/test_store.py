"""The results database: what is recorded comes back, history stays, and a failure of the grader hides no mark."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import StoreError, UsageError
from grader.model import GradeReport, Outcome, Status, TestResult
from grader.store.database import Store

MARK = GradeReport(
    assignment="dropout",
    student="ada",
    status=Status.GRADED,
    score=2.5,
    max_score=4.0,
    tests=(
        TestResult("test_b", "scaling", 3.0, 1.5, Outcome.FAILED, True, "a hint", "wrong", "line 3", "out", 0.2),
        TestResult("test_a", "mask", 1.0, 1.0, Outcome.PASSED),
    ),
    reason="",
    notes=("cell 2 raised", "ignored b.txt"),
    output="loaded",
    seconds=0.7,
    key="k1",
    graded_at=datetime(2026, 9, 1, 12, 30, 15, 250_000, tzinfo=UTC),
)
FAILURE = replace(MARK, status=Status.NOT_GRADED, score=None, tests=(), reason="disk full", key="k2")


@pytest.fixture
def url(tmp_path: Path) -> str:
    folder = tmp_path / "odd 'folder' #1 ü"
    folder.mkdir()
    return f"sqlite:///{folder}/results.sqlite"


def test_every_field_comes_back(url: str) -> None:
    with Store(url) as store:
        store.record(MARK)
    with Store(url, read_only=True) as store:
        [found] = store.latest()
    assert found == MARK
    assert found.graded_at == MARK.graded_at


def test_tests_keep_the_order_of_the_suite(url: str) -> None:
    with Store(url) as store:
        store.record(MARK)
        assert [test.name for test in store.latest()[0].tests] == ["test_b", "test_a"]


def test_newest_mark_is_current_and_history_stays(url: str) -> None:
    regraded = replace(MARK, score=4.0, key="k2")
    with Store(url) as store:
        store.record(MARK)
        store.record(regraded)
        assert store.latest() == [regraded]
        assert store.history("dropout", "ada") == [MARK, regraded]


def test_latest_is_ordered_and_filtered(url: str) -> None:
    places = [("b", "zoe"), ("a", "zoe"), ("b", "Ann"), ("a", "ann")]
    with Store(url) as store:
        for assignment, student in places:
            store.record(replace(MARK, assignment=assignment, student=student))
        assert [(r.assignment, r.student) for r in store.latest()] == sorted(places)
        assert [r.student for r in store.latest(assignment="b")] == ["Ann", "zoe"]
        assert [r.assignment for r in store.latest(student="zoe")] == ["a", "b"]
        assert store.latest("a", "Ann") == []


def test_find_wants_the_current_mark_with_this_key(url: str) -> None:
    with Store(url) as store:
        store.record(MARK)
        assert store.find("dropout", "ada", "k1") == MARK
        assert store.find("dropout", "ada", "other") is None
        assert store.find("dropout", "bob", "k1") is None
        store.record(replace(MARK, key="k2"))
        assert store.find("dropout", "ada", "k1") is None, "an older report is not the current one"


def test_an_empty_key_is_never_found(url: str) -> None:
    with Store(url) as store:
        store.record(replace(MARK, key=""))
        assert store.find("dropout", "ada", "") is None


def test_a_failure_of_the_grader_hides_no_mark(url: str) -> None:
    with Store(url) as store:
        store.record(MARK)
        store.record(FAILURE)
        assert store.latest() == [MARK]
        assert store.find("dropout", "ada", "k1") == MARK
        assert store.find("dropout", "ada", "k2") is None
        assert store.pending() == [FAILURE]
        assert store.history("dropout", "ada") == [MARK, FAILURE]
        store.record(replace(MARK, key="k2"))
        assert store.pending() == []


def test_a_failure_shows_where_there_is_no_mark(url: str) -> None:
    with Store(url) as store:
        store.record(FAILURE)
        assert store.latest() == [FAILURE]
        assert store.find("dropout", "ada", "k2") is None
        assert store.pending() == [], "there is no older mark to warn of"


def test_a_failed_regrade_of_the_same_content_is_not_pending(url: str) -> None:
    with Store(url) as store:
        store.record(MARK)
        store.record(replace(FAILURE, key="k1"))
        assert store.pending() == []


def test_graded_at_is_now_where_the_report_has_none(url: str) -> None:
    before = datetime.now(UTC)
    with Store(url) as store:
        store.record(replace(MARK, graded_at=None))
        graded_at = store.latest()[0].graded_at
    assert graded_at is not None
    assert before <= graded_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    "broken",
    [
        replace(MARK, score=None),
        replace(FAILURE, score=0.0),
        replace(MARK, score=float("nan")),
        replace(MARK, score=float("inf")),
        replace(MARK, score=5.0),
        replace(MARK, score=-1.0),
        replace(MARK, tests=(replace(MARK.tests[0], earned=float("nan")),)),
        replace(MARK, tests=(MARK.tests[1], replace(MARK.tests[0], earned=7.0))),
    ],
)
def test_a_report_that_contradicts_itself_is_refused_whole(url: str, broken: GradeReport) -> None:
    with Store(url) as store:
        with pytest.raises(StoreError, match="contradicts itself"):
            store.record(broken)
        assert store.latest() == []
        store.record(MARK)
        assert store.latest() == [MARK]


@settings(max_examples=30, deadline=None)
@given(text=st.text(st.characters(blacklist_categories=())))
def test_any_text_can_be_stored(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    wanted = "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)
    report = replace(MARK, student=text, reason=text, notes=(text,), output=text)
    with Store(f"sqlite:///{tmp_path_factory.mktemp('any')}/r.sqlite") as store:
        store.record(report)
        [found] = store.latest(student=text)
    assert (found.student, found.reason, found.notes, found.output) == (wanted, wanted, (wanted,), wanted)


WRITER = """
import sys
from grader.model import GradeReport, Status
from grader.store.database import Store

url, student = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with Store(url) as store:
    for index in range(25):
        store.record(GradeReport(f"a{index:02}", student, Status.GRADED, 1.0, 1.0, key="k"))
"""


def test_several_processes_write_at_once(url: str) -> None:
    """They meet before the file exists, so that its creation is contended too."""
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
    with Store(url, read_only=True) as store:
        assert len(store.latest()) == 75


def test_a_writer_killed_in_a_transaction_leaves_the_rest(url: str) -> None:
    with Store(url) as store:
        store.record(MARK)
    killed = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, signal, sqlite3, sys\n"
            "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "connection.execute('BEGIN IMMEDIATE')\n"
            "connection.execute('DELETE FROM test_results')\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n",
            url.removeprefix("sqlite:///"),
        ],
        check=False,
    )
    assert killed.returncode == -9
    with Store(url) as store:
        assert store.latest() == [MARK]
        store.record(replace(MARK, key="k2"))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("results.sqlite", "not a database URL"),
        ("mysql://localhost/x", "only in SQLite and PostgreSQL"),
        ("nonsense://x", "only in SQLite and PostgreSQL"),
        ("sqlite://results.sqlite", "names no file"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///x.sqlite?mode=ro", "has options"),
    ],
)
def test_a_url_that_cannot_be_meant(url: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        Store(url)
    assert "sqlite:///" in caught.value.remedy
