"""Figures of a class, from its reports; what an instructor asks first."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.model import GradeReport, Outcome, Status

BINS = 10  # of the histogram, each 10 % of the marks wide


@dataclass(frozen=True, slots=True)
class Marks:
    """How the marks of one assignment are spread; missing submissions are counted apart from those handed in."""

    handed_in: int  # graded, unreadable and broken
    missing: int
    not_graded: int
    full: int  # with all marks
    mean: float | None  # of those handed in, as a fraction of the marks; None: nobody handed in
    median: float | None
    bins: tuple[int, ...]  # BINS counts of those handed in; the last bin holds 100 %


@dataclass(frozen=True, slots=True)
class PassRate:
    """How one test went, over all submissions that could be run."""

    name: str
    title: str
    points: float
    passed: int
    total: int
    lost: tuple[tuple[Outcome, int], ...]  # the other outcomes and how often, most frequent first

    @property
    def rate(self) -> float:
        return self.passed / self.total


def marks(reports: Sequence[GradeReport]) -> Marks:
    """Summarise the reports of one assignment."""
    handed_in = [r for r in reports if r.status not in (Status.MISSING, Status.NOT_GRADED)]
    fractions = [fraction(report) for report in handed_in]
    bins = Counter(min(int(share * BINS + 1e-9), BINS - 1) for share in fractions)
    statuses = Counter(report.status for report in reports)
    return Marks(
        handed_in=len(handed_in),
        missing=statuses[Status.MISSING],
        not_graded=statuses[Status.NOT_GRADED],
        full=sum(report.score == report.max_score for report in handed_in),
        mean=statistics.fmean(fractions) if fractions else None,
        median=statistics.median(fractions) if fractions else None,
        bins=tuple(bins[index] for index in range(BINS)),
    )


def fraction(report: GradeReport) -> float:
    """The share of the marks, 0 … 1; 0 without a mark."""
    return (report.score or 0.0) / report.max_score if report.max_score else 0.0


def pass_rates(reports: Iterable[GradeReport]) -> tuple[PassRate, ...]:
    """How each test went, in the order of the suite; a submission that could not be loaded does not count."""
    outcomes: dict[str, Counter[Outcome]] = {}
    heads: dict[str, tuple[str, float]] = {}
    for report in reports:
        if report.status is Status.GRADED:
            for test in report.tests:
                heads.setdefault(test.name, (test.title, test.points))
                outcomes.setdefault(test.name, Counter())[test.outcome] += 1
    return tuple(
        PassRate(
            name=name,
            title=title,
            points=points,
            passed=outcomes[name][Outcome.PASSED],
            total=outcomes[name].total(),
            lost=tuple((kind, n) for kind, n in outcomes[name].most_common() if kind is not Outcome.PASSED),
        )
        for name, (title, points) in heads.items()
    )
