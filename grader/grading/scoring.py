"""From what happened in each test to marks; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader.model import Outcome, TestResult, TestSpec

# Worst first: parametrised cases of one test function are told by their worst outcome.
SEVERITY = (
    Outcome.NOT_RUN,
    Outcome.KILLED,
    Outcome.MEMORY,
    Outcome.TIMEOUT,
    Outcome.ERROR,
    Outcome.FAILED,
    Outcome.PASSED,
)


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """What happened in one case of a test function."""

    test: str  # the test function's name
    outcome: Outcome
    fraction: float  # 0 … 1 of this case's share of the points
    message: str = ""
    traceback: str = ""
    output: str = ""
    seconds: float = 0.0


def score_tests(specs: Iterable[TestSpec], records: Mapping[str, list[CaseRecord]]) -> tuple[TestResult, ...]:
    """One result per test function; the points are shared equally by its cases.

    A test without a record has not run: only evidence makes it passed.
    """
    return tuple(_score(spec, records.get(spec.name, [])) for spec in specs)


def _score(spec: TestSpec, cases: list[CaseRecord]) -> TestResult:
    common = {"name": spec.name, "title": spec.title, "points": spec.points, "visible": spec.visible}
    if not cases:
        return TestResult(earned=0.0, outcome=Outcome.NOT_RUN, hint="", **common)  # type: ignore[arg-type]
    worst = min(cases, key=lambda case: SEVERITY.index(case.outcome))
    fraction = sum(case.fraction for case in cases) / len(cases)
    earned = spec.points if fraction == 1.0 else round(spec.points * fraction, 6)  # all is all, whatever its decimals
    message = worst.message
    lost = sum(case.outcome is not Outcome.PASSED for case in cases)
    if lost and len(cases) > 1:
        message = f"{lost} of {len(cases)} cases are lost. {message}".strip()
    return TestResult(
        earned=earned,
        outcome=worst.outcome,
        hint="" if worst.outcome is Outcome.PASSED else spec.hint,
        message=message,
        traceback=worst.traceback,
        output="".join(dict.fromkeys(case.output for case in cases if case.output)),
        seconds=sum(case.seconds for case in cases),
        **common,  # type: ignore[arg-type]
    )


def total(results: Iterable[TestResult]) -> float:
    """Sum of the marks earned, free of the noise of binary fractions."""
    return round(sum(result.earned for result in results), 6)


def untested(specs: Iterable[TestSpec]) -> tuple[TestResult, ...]:
    """Results of a submission that could not be loaded: nothing has run."""
    return score_tests(specs, {})
