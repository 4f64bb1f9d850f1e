"""Samples of seconds and what is said of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

HEAD = ("| | median | quartiles | least to most | n |", "|---|---|---|---|---|")


@dataclass(frozen=True, slots=True)
class Summary:
    """n, median, quartiles and extremes of one sample; the unit is the sample's."""

    n: int
    median: float
    lower: float  # first quartile
    upper: float  # third quartile
    p95: float
    least: float
    most: float

    @property
    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def summarise(sample: Sequence[float]) -> Summary:
    """Raises ValueError for an empty sample: a benchmark that has measured nothing must not print a number."""
    if not sample:
        raise ValueError("an empty sample")
    if len(sample) == 1:
        return Summary(1, *[sample[0]] * 6)
    quartiles = statistics.quantiles(sample, n=4, method="inclusive")
    p95 = statistics.quantiles(sample, n=20, method="inclusive")[-1]
    return Summary(len(sample), quartiles[1], quartiles[0], quartiles[2], p95, min(sample), max(sample))


def duration(seconds: float) -> str:
    """Three significant digits with a unit."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 1.0:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def ratio(value: float) -> str:
    return f"{value:.3g}"


def percent(share: float) -> str:
    """Three significant digits.

    >>> percent(0.98765), percent(0.01)
    ('98.8 %', '1 %')
    """
    return f"{100 * share:.3g} %"


def spread(summary: dict[str, Any], show: Callable[[float], str] = duration) -> str:
    """A row of a table under HEAD: ``median | quartiles | extremes | n``."""
    inner = f"{show(summary['lower'])} to {show(summary['upper'])}"
    return f"{show(summary['median'])} | {inner} | {show(summary['least'])} to {show(summary['most'])} | {summary['n']}"
