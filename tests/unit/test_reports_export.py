"""Exports hold what other programs expect, and nothing that acts on them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from grader.model import Outcome, Status, Student
from grader.reports.class_report import ClassReport, build
from grader.reports.export import CSV_COLUMNS, to_csv, to_gradescope, to_json
from tests.fakes import sample_reports

HOSTILE = sample_reports.hostile_report()


@pytest.fixture
def whole() -> ClassReport:
    return build(sample_reports.course(), sample_reports.reports())


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_one_line_per_submission(whole: ClassReport) -> None:
    rows = rows_of(to_csv(whole))
    assert len(rows) == 240
    assert tuple(rows[0]) == CSV_COLUMNS
    assert {row["status"] for row in rows} == {status.value for status in Status}
    for row, report in zip(rows, whole.reports, strict=True):
        assert (row["assignment"], row["student"]) == (report.assignment, report.student)
        assert (float(row["score"]) if row["score"] else None) == report.score


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "\x1b[0m=1"])
def test_csv_neutralises_formulas(name: str) -> None:
    course = replace(sample_reports.course(), roster=(Student("=2+2", name),))
    [row, *_] = rows_of(to_csv(build(course, [])))
    assert row["name"].startswith("'")
    assert row["student"] == "'=2+2"


def test_csv_quotes_what_would_break_a_line() -> None:
    course = replace(sample_reports.course(), roster=(Student("a,b", 'x "y"\nz'),))
    [row, *_] = rows_of(to_csv(build(course, [])))
    assert (row["student"], row["name"]) == ("a,b", 'x "y" z')


def test_json_has_exactly_the_documented_keys(whole: ClassReport) -> None:
    submissions = json.loads(to_json(whole.reports))
    assert len(submissions) == 240
    for submission, report in zip(submissions, whole.reports, strict=True):
        assert list(submission) == ["assignment", "student", "status", "score", "max_score", "tests"]
        assert submission["status"] in {"graded", "missing", "unreadable", "broken", "not_graded"}
        assert (submission["score"] is None) == (report.status is Status.NOT_GRADED)
        for test in submission["tests"]:
            assert list(test) == ["name", "title", "outcome", "earned", "points"]


def test_json_rounds_the_dust_of_sums(whole: ClassReport) -> None:
    report = replace(whole.reports[0], score=0.1 + 0.2)
    assert json.loads(to_json([report]))[0]["score"] == 0.3
    assert '"score": 2,' in to_json([replace(report, score=2.0)])


def test_json_is_ascii_whatever_it_holds() -> None:
    text = to_json([HOSTILE], details=True)
    assert text.isascii()
    assert "\x1b" not in text
    [submission] = json.loads(text)
    assert submission["student"] == HOSTILE.student
    assert submission["tests"][0]["hint"] == HOSTILE.tests[0].hint


def test_details_show_no_hint_of_a_passed_test(whole: ClassReport) -> None:
    report = whole.reports[0]
    passed = replace(report.tests[0], hint="secret until lost", outcome=Outcome.PASSED, earned=report.tests[0].points)
    assert "secret until lost" not in to_json([replace(report, tests=(passed,))], details=True)
    assert "secret until lost" not in to_gradescope(replace(report, tests=(passed,)))


def test_gradescope_format(whole: ClassReport) -> None:
    for report in whole.reports:
        if report.score is None:
            continue
        content = json.loads(to_gradescope(report))
        assert content["score"] == report.score
        assert content["visibility"] == "visible"
        assert content["stdout_visibility"] == "hidden"
        assert [(test["score"], test["max_score"]) for test in content["tests"]] == [
            (test.earned, test.points) for test in report.tests
        ]
        for test, result in zip(content["tests"], report.tests, strict=True):
            assert set(test) == {"name", "score", "max_score", "status", "output", "visibility"}
            assert test["status"] == ("passed" if result.outcome is Outcome.PASSED else "failed")
        if report.status is not Status.GRADED:
            assert report.reason in content["output"]


def test_gradescope_takes_no_report_without_a_mark() -> None:
    with pytest.raises(ValueError, match="has no mark"):
        to_gradescope(replace(HOSTILE, status=Status.NOT_GRADED, score=None))


def test_gradescope_text_is_clean() -> None:
    content = json.loads(to_gradescope(HOSTILE))
    for text in (content["output"], content["tests"][0]["output"]):
        assert not set(text) & set("\x00\x07\x08\x1b\u202e\u2066")
