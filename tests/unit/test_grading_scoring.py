"""From what happened in each case of a test to marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.grading.scoring import SEVERITY, CaseRecord, score_tests, total, untested
from grader.model import Outcome, TestSpec

ONE = TestSpec("test_one", "one", 3.0, "look there", visible=True)
TWO = TestSpec("test_two", "two", 0.1, "", visible=False)


def record(outcome: Outcome, fraction: float = 0.0, **more: object) -> CaseRecord:
    return CaseRecord("test_one", outcome, fraction, **more)  # type: ignore[arg-type]


def test_a_test_without_evidence_has_not_run() -> None:
    for result in (*untested([ONE, TWO]), *score_tests([ONE], {"test_two": [record(Outcome.PASSED, 1.0)]})):
        assert (result.outcome, result.earned, result.hint) == (Outcome.NOT_RUN, 0.0, "")


def test_a_passed_test_has_all_points_and_no_hint() -> None:
    [result] = score_tests([ONE], {"test_one": [record(Outcome.PASSED, 1.0, seconds=0.5)]})
    assert (result.earned, result.outcome, result.hint, result.message) == (3.0, Outcome.PASSED, "", "")
    assert (result.title, result.points, result.visible, result.seconds) == ("one", 3.0, True, 0.5)


def test_cases_share_the_points_and_the_worst_is_told() -> None:
    cases = [
        record(Outcome.PASSED, 1.0, output="a\n"),
        record(Outcome.FAILED, 0.0, message="wrong", output="b\n"),
        record(Outcome.TIMEOUT, 0.0, message="late", traceback="line 3", output="b\n"),
    ]
    [result] = score_tests([ONE], {"test_one": cases})
    assert (result.earned, result.outcome, result.hint) == (1.0, Outcome.TIMEOUT, "look there")
    assert result.message == "2 of 3 cases are lost. late"
    assert result.traceback == "line 3"
    assert result.output == "a\nb\n", "the same output of several cases is shown once"


def test_all_points_are_all_of_them_with_many_decimals_too() -> None:
    third = TestSpec("test_one", "one", 0.333333333, "", visible=True)
    [result] = score_tests([third], {"test_one": [record(Outcome.PASSED, 1.0)] * 3})
    assert result.earned == result.points


def test_part_marks() -> None:
    [result] = score_tests([ONE], {"test_one": [record(Outcome.FAILED, 0.5, message="half")]})
    assert (result.earned, result.message, result.hint) == (1.5, "half", "look there")


def test_the_sum_is_free_of_binary_dust() -> None:
    specs = [TestSpec(f"test_{number}", "t", 0.1, "", visible=False) for number in range(3)]
    results = score_tests(specs, {spec.name: [CaseRecord(spec.name, Outcome.PASSED, 1.0)] for spec in specs})
    assert total(results) == 0.3


def test_every_outcome_has_its_place_from_worst_to_best() -> None:
    assert set(SEVERITY) == set(Outcome)
    assert SEVERITY[-1] is Outcome.PASSED


CASES = st.lists(st.builds(record, st.sampled_from(Outcome), st.floats(0, 1)), min_size=1, max_size=6)


@given(CASES, st.floats(0.01, 100))
def test_marks_lie_between_nothing_and_all(cases: list[CaseRecord], points: float) -> None:
    [result] = score_tests([TestSpec("test_one", "one", points, "hint", visible=True)], {"test_one": cases})
    assert 0 <= result.earned <= points + 1e-6
    assert result.outcome in {case.outcome for case in cases}
    assert (result.outcome is Outcome.PASSED) is all(case.outcome is Outcome.PASSED for case in cases)


@given(CASES)
def test_the_order_of_the_cases_changes_no_mark(cases: list[CaseRecord]) -> None:
    [one] = score_tests([ONE], {"test_one": cases})
    [other] = score_tests([ONE], {"test_one": cases[::-1]})
    assert (one.outcome, one.earned) == (other.outcome, pytest.approx(other.earned, abs=1e-6))
