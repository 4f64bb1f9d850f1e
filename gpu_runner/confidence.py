"""How sure the mean of a few runs is, and what it therefore earns. Pure functions of accuracies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import Timed

# 97.5 % quantile of the normal distribution and, by degrees of freedom, of Student's t distribution.
# Source: NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2, column 0.975.
NORMAL = 1.960
STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
# Means of a few accuracies carry rounding errors near 1e-16; no set of hidden images resolves 1e-9.
DUST = 1e-9
# A doubt helps by at most this many half-widths of the test-set sampling. A sound training's spread over seeds is of
# the order of the sampling itself; without a bound, results that jump about would put any threshold in doubt.
MOST_DOUBT = 3.0
GOLDEN = (math.sqrt(5) - 1) / 2
RESOLUTION = 1e-9  # of the search in reached()


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % confidence interval; 0 ≤ low ≤ mean ≤ high ≤ 1."""

    mean: float
    low: float
    high: float

    def holds(self, threshold: float) -> bool:
        """Whether the runs leave open on which side of the threshold the true mean lies."""
        return self.low + DUST < threshold <= self.high + DUST


def interval(accuracies: Sequence[float], hidden_images: int) -> Interval:
    """Mean of the runs' accuracies and its 95 % confidence interval.

    Two half-widths are added in variance: that of the seeds' spread (Student's t with n - 1 degrees of freedom; none
    for a single run) and that of test-set sampling (Agresti and Coull 1998, whose shifted centre keeps a width where
    all images or none were recognised). The spread of the runs holds part of the sampling already, so the
    interval is wider than 95 % asks for: a doubt too many costs device time, one too few costs a student marks. For
    balanced accuracy the binomial term is exact only where the classes are equally frequent.

    :param accuracies: one per run, 0 … 1; at least one.
    :param hidden_images: of all these runs together.
    :raises ValueError: there are no accuracies or no images.
    """
    if not accuracies or hidden_images < 1:
        raise ValueError(f"{len(accuracies)} accuracies on {hidden_images} images: at least one of each")
    mean, centre, half = _parts(accuracies, hidden_images)
    return Interval(mean, max(0.0, min(mean, centre - half)), min(1.0, max(mean, centre + half)))


def thresholds(timed: Timed) -> tuple[tuple[float, float], ...]:
    """``(mean, fraction of the accuracy points that it earns)``, rising; the last is ``(full, 1.0)``."""
    parts = 0 if timed.part_from is None else timed.part_steps
    start = timed.full if timed.part_from is None else timed.part_from
    steps = ((start + step * (timed.full - start) / parts, (step + 1) / (parts + 1)) for step in range(parts))
    return (*steps, (timed.full, 1.0))


def undecided(timed: Timed, measured: Interval) -> bool:
    """Whether a threshold lies inside the interval."""
    return any(measured.holds(threshold) for threshold, _fraction in thresholds(timed))


def reached(accuracies: Sequence[float], hidden_images: int) -> float:
    """The highest threshold that counts as reached: the mean, or what lies in doubt above it.

    A doubt goes to the student: what lies inside the interval counts. Two bounds keep this from being a prize for
    results that jump about. Poor runs widen the interval; they may not raise its end, so it is taken as it would
    be if they had been better wherever that is lower, and a better run never lowers a mark. And the doubt goes at
    most MOST_DOUBT half-widths of the sampling beyond the mean.

    :param hidden_images: of all these runs together.
    """
    measured = interval(accuracies, hidden_images)
    centre, sampling = _sampling(measured.mean, hidden_images)
    furthest = centre + MOST_DOUBT * sampling
    low, high = min(accuracies), max(accuracies)

    def end(level: float) -> float:  # of the interval, had every run reached this level; above 1, too
        _mean, centre, half = _parts([max(each, level) for each in accuracies], hidden_images)
        return centre + half

    # Of all better runs with the same mean, those where the poor ones are raised to one level spread least. Over that
    # level the end falls, then rises (as a fine grid shows for random runs): golden-section search finds its least.
    lower, upper = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_lower, at_upper = end(lower), end(upper)
    while high - low > RESOLUTION:
        if at_lower <= at_upper:
            high, upper, at_upper = upper, lower, at_lower
            lower = high - GOLDEN * (high - low)
            at_lower = end(lower)
        else:
            low, lower, at_lower = lower, upper, at_upper
            upper = low + GOLDEN * (high - low)
            at_upper = end(upper)
    return max(measured.mean, min(measured.high, at_lower, at_upper, furthest))


def accuracy_fraction(timed: Timed, accuracies: Sequence[float], hidden_images: int) -> float:
    """Fraction of the accuracy points that these runs earn; 0 below the first threshold.

    :param hidden_images: of all these runs together.
    """
    measured = interval(accuracies, hidden_images)
    sure, most = _fraction(timed, measured.mean), _fraction(timed, measured.high)
    return sure if sure == most else _fraction(timed, reached(accuracies, hidden_images))


def _parts(accuracies: Sequence[float], hidden_images: int) -> tuple[float, float, float]:
    """The mean, and centre and half-width of its interval, which may reach beyond 0 and 1."""
    runs = len(accuracies)
    mean = math.fsum(accuracies) / runs
    spread = 0.0
    if runs > 1:
        deviation = math.sqrt(math.fsum((each - mean) ** 2 for each in accuracies) / (runs - 1))
        spread = _student(runs - 1) * deviation / math.sqrt(runs)
    centre, sampling = _sampling(mean, hidden_images)
    return mean, centre, math.hypot(spread, sampling)


def _student(freedom: int) -> float:
    """The quantile; beyond the table its last entry, which is larger: the interval is then too wide by 2 % at most."""
    return STUDENT[min(freedom, len(STUDENT)) - 1]


def _sampling(mean: float, hidden_images: int) -> tuple[float, float]:
    """Centre and half-width of the Agresti-Coull interval of a proportion."""
    total = hidden_images + NORMAL**2
    centre = (mean * hidden_images + NORMAL**2 / 2) / total
    return centre, NORMAL * math.sqrt(max(0.0, centre * (1 - centre)) / total)


def _fraction(timed: Timed, level: float) -> float:
    return max((fraction for threshold, fraction in thresholds(timed) if level + DUST >= threshold), default=0.0)
