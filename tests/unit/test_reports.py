"""Putting a class in order, its figures, the changes of a regrade, and text that means harm."""

from __future__ import annotations

import doctest
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.model import GradeReport, Outcome, Status, Student, TestResult
from grader.reports import statistics, svg, terminal, text
from grader.reports.class_report import ClassReport, build, select
from grader.reports.compare import Difference, differences
from tests.fakes import sample_reports


def a_test(name: str = "test_a", earned: float = 1.0, outcome: Outcome = Outcome.PASSED) -> TestResult:
    return TestResult(name, f"title of {name}", 1.0, earned, outcome)


def a_report(score: float | None = 1.0, *tests: TestResult, status: Status = Status.GRADED) -> GradeReport:
    return GradeReport("dropout", "ada", status, score, 2.0, tests)


@pytest.fixture
def whole() -> ClassReport:
    return build(sample_reports.course(), sample_reports.reports())


# The class in order


def test_rows_follow_the_roster_and_columns_the_course(whole: ClassReport) -> None:
    assert [row.student for row in whole.rows] == list(sample_reports.ROSTER)
    for row in whole.rows:
        assert [report.assignment for report in row.reports] == list(sample_reports.SUITES)
        assert {report.student for report in row.reports} == {row.student.id}


def test_a_gap_is_not_graded_and_not_zero(whole: ClassReport) -> None:
    gap = whole.rows[-1].reports[-1]
    assert (gap.status, gap.score, gap.max_score) == (Status.NOT_GRADED, None, 20.0)
    assert not whole.rows[-1].complete
    assert whole.rows[-1].max_score == 100.0


def test_without_a_roster_those_with_results_are_the_class() -> None:
    course = replace(sample_reports.course(), roster=())
    report = build(course, sample_reports.reports())
    assert [row.student.id for row in report.rows] == sorted(student.id for student in sample_reports.ROSTER)
    assert all(row.listed for row in report.rows)


def test_marks_of_somebody_off_the_roster_are_not_lost() -> None:
    course = replace(sample_reports.course(), roster=(Student("ada-nowak"),))
    report = build(course, sample_reports.reports())
    assert [row.listed for row in report.rows] == [True] + [False] * 39


def test_results_of_an_unknown_assignment_are_named() -> None:
    reports = [*sample_reports.reports(), GradeReport("old_one", "ghost", Status.GRADED, 1.0, 1.0)]
    report = build(sample_reports.course(), reports)
    assert report.unknown == ("old_one",)
    assert "ghost" not in [row.student.id for row in report.rows]


def test_a_pending_attempt_stands_beside_the_older_mark() -> None:
    reports = sample_reports.reports()
    attempt = replace(reports[0], status=Status.NOT_GRADED, score=None, reason="disk full")
    row = build(sample_reports.course(), reports, pending=[attempt]).rows[0]
    assert row.reports[0] == reports[0]
    assert row.pending[0] == attempt
    assert not row.complete


def test_select_keeps_what_is_asked_for(whole: ClassReport) -> None:
    part = select(whole, assignments=["dropout"], student="ada-nowak")
    assert [(report.assignment, report.student) for report in part.reports] == [("dropout", "ada-nowak")]
    assert select(whole) == whole


def test_select_names_what_is_near(whole: ClassReport) -> None:
    with pytest.raises(UsageError, match='no assignment "droput"') as caught:
        select(whole, assignments=["droput"])
    assert '"dropout"' in caught.value.remedy
    with pytest.raises(UsageError, match='no student "ada-novak"') as caught:
        select(whole, student="ada-novak")
    assert '"ada-nowak"' in caught.value.remedy


# Figures


def test_marks_count_those_handed_in() -> None:
    reports = [
        a_report(2.0),
        a_report(0.2),
        a_report(0.0, status=Status.BROKEN),
        a_report(0.0, status=Status.UNREADABLE),
        a_report(0.0, status=Status.MISSING),
        a_report(None, status=Status.NOT_GRADED),
    ]
    marks = statistics.marks(reports)
    assert (marks.handed_in, marks.missing, marks.not_graded, marks.full) == (4, 1, 1, 1)
    assert marks.mean == pytest.approx(1.1 / 4)
    assert marks.median == pytest.approx(0.05)
    assert marks.bins == (2, 1, 0, 0, 0, 0, 0, 0, 0, 1)


@pytest.mark.parametrize(("score", "expected"), [(0.0, 0), (0.19, 0), (0.2, 1), (0.6, 3), (1.99, 9), (2.0, 9)])
def test_a_mark_on_the_border_falls_into_the_upper_bin(score: float, expected: int) -> None:
    assert statistics.marks([a_report(score)]).bins.index(1) == expected


def test_nobody_handed_in() -> None:
    marks = statistics.marks([a_report(0.0, status=Status.MISSING)])
    assert (marks.mean, marks.median, sum(marks.bins)) == (None, None, 0)


def test_pass_rates_leave_out_what_could_not_be_loaded() -> None:
    rates = statistics.pass_rates(
        [
            a_report(1.0, a_test(), a_test("test_b", 0.0, Outcome.TIMEOUT)),
            a_report(1.0, a_test(earned=0.5, outcome=Outcome.FAILED), a_test("test_b", 0.0, Outcome.TIMEOUT)),
            a_report(0.0, a_test(earned=0.0, outcome=Outcome.NOT_RUN), status=Status.BROKEN),
        ]
    )
    assert [(rate.name, rate.passed, rate.total, rate.rate, rate.lost) for rate in rates] == [
        ("test_a", 1, 2, 0.5, ((Outcome.FAILED, 1),)),
        ("test_b", 0, 2, 0.0, ((Outcome.TIMEOUT, 2),)),
    ]


def test_histogram_says_its_figures_in_words() -> None:
    drawing = svg.histogram((1, 0, 3), name="m", title="Marks & more")
    assert 'role="img" aria-labelledby="m-title m-desc"' in drawing
    assert "<title id=\"m-title\">Marks &amp; more</title>" in drawing
    assert "1 submission from 0 to 33%; 3 submissions from 67 to 100%." in drawing
    heights = [float(height) for height in re.findall(r'<rect class="bar".*? height="([\d.]+)"', drawing)]
    assert heights[1] == pytest.approx(3 * heights[0], rel=0.01)
    assert "No submissions." in svg.histogram((0, 0), name="m", title="")


@pytest.mark.parametrize(("share", "width"), [(-1.0, "0.0"), (0.0, "0.0"), (0.25, "25.0"), (7.0, "100.0")])
def test_bar_stays_in_its_track(share: float, width: str) -> None:
    assert f'<rect class="bar" width="{width}"' in svg.bar(share)


# What a regrade changes


def test_equal_reports_have_no_differences() -> None:
    report = a_report(1.0, a_test())
    same = replace(report, seconds=9.0, key="other", output="x", tests=(replace(a_test(), message="new words"),))
    assert differences(report, same) == []
    assert differences(report, replace(report, score=1.0 + 1e-12)) == []


def test_differences_old_against_new() -> None:
    old = a_report(1.0, a_test(), a_test("test_gone"), a_test("test_part", 0.5, Outcome.FAILED))
    new = a_report(
        0.75, a_test(earned=0.0, outcome=Outcome.TIMEOUT), a_test("test_part", 0.75, Outcome.FAILED), a_test("test_new")
    )
    place = ("dropout", "ada")
    assert differences(old, new) == [
        Difference(*place, "", "score", "graded", "graded", 1.0, 0.75),
        Difference(*place, "test_a", "title of test_a", "passed", "timeout", 1.0, 0.0),
        Difference(*place, "test_part", "title of test_part", "failed", "failed", 0.5, 0.75),
        Difference(*place, "test_new", "title of test_new", "", "passed", None, 1.0),
        Difference(*place, "test_gone", "title of test_gone", "passed", "", 1.0, None),
    ]
    assert [change.gain for change in differences(old, new)] == [-0.25, -1.0, 0.25, 1.0, -1.0]


def test_a_status_or_a_mark_that_comes_or_goes_is_a_difference() -> None:
    graded, none = a_report(0.0), a_report(None, status=Status.NOT_GRADED)
    missing = a_report(0.0, status=Status.MISSING)
    assert [(c.old_outcome, c.new_outcome, c.new_earned) for c in differences(graded, none)] == [
        ("graded", "not_graded", None)
    ]
    assert [(c.old_outcome, c.new_outcome) for c in differences(missing, graded)] == [("missing", "graded")]


def test_differences_table_of_nothing() -> None:
    assert terminal.differences_table([]) == "Nothing changes.\n"


def test_differences_table_counts_marks_up_and_down() -> None:
    up = differences(a_report(1.0, a_test("test_new")), a_report(2.0))
    down = differences(replace(a_report(2.0), student="bob"), replace(a_report(0.5), student="bob"))
    table = terminal.differences_table([*up, *down])
    assert "1 mark up, 1 mark down." in table
    assert "no such test" in table
    assert "-1.5" in table


# Text


def test_doctests() -> None:
    assert doctest.testmod(text).failed == 0


@given(st.text(st.characters(blacklist_categories=())))
def test_clean_leaves_nothing_that_acts(raw: str) -> None:
    cleaned = text.clean(raw)
    assert not [c for c in cleaned if c != "\n" and c != "\t" and unicodedata.category(c) in ("Cc", "Cs")]
    assert not [c for c in cleaned if unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "FSI")]
    assert text.clean(cleaned) == cleaned


def test_clean_keeps_ordinary_text() -> None:
    kept = "def f(x):\n\treturn x  # naïve — 日本語 שלום 👩‍🔬\n"
    assert text.clean(kept) == kept


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPdevice\x1b\\after", "after"),
        ("\x9b2Jgone", "gone"),
        ("50%\r100%", "50%\n100%"),
        ("a\r\nb\u2028c", "a\nb\nc"),
        ("\x00\x08\x7f", "␀␈␡"),
        ("\x85\x90x", "\n"),
        ("\ufeffx\ud800", "[U+FEFF]x[U+D800]"),
    ],
)
def test_clean(raw: str, shown: str) -> None:
    assert text.clean(raw) == shown


def test_clean_bounds_a_text() -> None:
    assert text.clean("x" * 30, limit=10) == "x" * 10 + "\n… 20 more characters are not shown"


def test_one_line() -> None:
    assert text.one_line(" a\n\n b\t c ") == "a b c"
    assert text.one_line("x" * 300) == "x" * 199 + "…"


@given(st.text(st.characters(blacklist_categories=())), st.text(st.characters(blacklist_categories=())))
def test_file_stems_are_safe_and_distinct(one: str, other: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-{1,2}[a-z0-9]+)*", text.file_stem(one))
    assert (text.file_stem(one) == text.file_stem(other)) == (one == other)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_class_table_fits_its_terminal(whole: ClassReport, width: int) -> None:
    table = terminal.class_table(whole, width=width)
    assert max(map(len, table.splitlines())) <= width
    assert "…" not in table
    assert table.count("total") == 1
    tables = table.count("student  ")
    assert (tables == 1) == (width >= 80)
    assert [table.count(f"\n{row.student.id} ") for row in whole.rows] == [tables] * 40


def test_a_terminal_page_cannot_be_taken_over() -> None:
    course = replace(sample_reports.course(), roster=())
    row = build(course, [sample_reports.hostile_report()]).rows[0]
    for page in (terminal.student_page(row, course.assignments), terminal.class_table(build(course, row.reports))):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
