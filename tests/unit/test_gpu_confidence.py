"""The interval of a mean accuracy, and what it earns."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gpu_runner.confidence import STUDENT, Interval, accuracy_fraction, interval, reached, thresholds, undecided
from grader.model import Timed

TIMED = Timed("digits", 1437, 360, full=0.95, accuracy_points=6, time_points=4, multiple=3, floor_seconds=30)
PARTS = dataclasses.replace(TIMED, full=0.90, part_from=0.80, part_steps=4)

shares = st.integers(0, 360).map(lambda hits: hits / 360)
runs = st.lists(shares, min_size=1, max_size=8)


def student_cdf(value: float, freedom: int) -> float:
    """Student's t distribution function, its density integrated by Simpson's rule."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    at = np.linspace(0, value, 20_001)
    density = scale * (1 + at**2 / freedom) ** (-(freedom + 1) / 2)
    weights = np.ones_like(at)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    return 0.5 + float(density @ weights) * value / 20_000 / 3


def test_the_table_holds_the_quantiles_of_students_t() -> None:
    for freedom, quantile in enumerate(STUDENT, 1):
        assert student_cdf(quantile, freedom) == pytest.approx(0.975, abs=3e-5)


def test_an_interval_by_hand() -> None:
    """Runs 0.93, 0.95, 0.97: deviation 0.02, spread 4.303 × 0.02/√3; the centre is shifted by z²/2 images."""
    found = interval([0.93, 0.95, 0.97], 1080)
    centre = (1026 + 1.9208) / 1083.8416
    half = math.hypot(4.303 * 0.02 / math.sqrt(3), 1.96 * math.sqrt(centre * (1 - centre) / 1083.8416))
    assert found.mean == pytest.approx(0.95)
    assert (found.low, found.high) == (pytest.approx(centre - half), pytest.approx(centre + half))


def test_one_run_has_the_interval_of_its_sampling_alone() -> None:
    found = interval([0.9], 1000)
    assert (found.low, found.high) == (pytest.approx(0.8798, abs=1e-4), pytest.approx(0.9171, abs=1e-4))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_or_nothing_leaves_a_doubt_too(share: float) -> None:
    found = interval([share] * 3, 300)
    assert 0.01 < found.high - found.low < 0.03
    assert share in (found.low, found.high)


def test_more_images_and_more_runs_narrow_it() -> None:
    def width(found: Interval) -> float:
        return found.high - found.low

    assert width(interval([0.9] * 3, 3000)) < width(interval([0.9] * 3, 300))
    assert width(interval([0.89, 0.91] * 3, 600)) < width(interval([0.89, 0.91], 600))


def test_many_runs_use_the_last_quantile_of_the_table() -> None:
    assert interval([0.89, 0.91] * 25, 10**7).high == pytest.approx(0.9 + 2.042 * 0.0101 / math.sqrt(50), abs=1e-5)


@given(runs)
def test_the_interval_holds_its_mean_and_stays_within_0_and_1(accuracies: list[float]) -> None:
    found = interval(accuracies, 360 * len(accuracies))
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.low < found.high


@pytest.mark.parametrize(("accuracies", "images"), [([], 100), ([0.5], 0)])
def test_no_interval_of_nothing(accuracies: list[float], images: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        interval(accuracies, images)


@pytest.mark.parametrize("count", [1, 3, 6])
@pytest.mark.parametrize("share", [0.8, 0.95, 0.999])
def test_it_covers_the_truth_in_93_percent_of_simulations(count: int, share: float) -> None:
    """Each seed has a success rate of its own around the true mean; one run alone shows only its sampling."""
    generator = np.random.default_rng([count, round(1000 * share)])
    deviation = 0.0 if count == 1 else min(0.01, (1 - share) / 3)
    rates = np.clip(generator.normal(share, deviation, (2000, count)), 0, 1)
    measured = generator.binomial(360, rates) / 360
    found = [interval(row, 360 * count) for row in measured.tolist()]
    assert np.mean([each.low <= share <= each.high for each in found]) >= 0.93


def test_thresholds_are_equal_steps_up_to_full() -> None:
    assert thresholds(TIMED) == ((0.95, 1.0),)
    means, fractions = zip(*thresholds(PARTS), strict=True)
    assert means == pytest.approx((0.80, 0.825, 0.85, 0.875, 0.90))
    assert fractions == pytest.approx((0.2, 0.4, 0.6, 0.8, 1.0))


@pytest.mark.parametrize(
    ("mean", "fraction"), [(0.5, 0), (0.75, 0), (0.81, 0.2), (0.86, 0.6), (0.8875, 0.8), (0.9, 1), (0.99, 1)]
)
def test_part_marks_come_in_steps(mean: float, fraction: float) -> None:
    assert accuracy_fraction(PARTS, [mean] * 3, 3 * 10**6) == pytest.approx(fraction)


def test_a_mean_at_the_threshold_has_reached_it_whatever_its_binary_dust() -> None:
    timed = dataclasses.replace(TIMED, full=0.7)
    assert accuracy_fraction(timed, [0.7, 0.1 * 7, 0.7 - 1e-16], 3 * 10**9) == 1


def test_what_lies_inside_the_interval_is_undecided_and_goes_to_the_student() -> None:
    close = [0.945, 0.94, 0.95, 0.945, 0.94, 0.95]
    assert undecided(TIMED, interval(close, 6 * 360))
    assert accuracy_fraction(TIMED, close, 6 * 360) == 1
    clear = [0.93, 0.925, 0.92, 0.93, 0.925, 0.92]
    assert not undecided(TIMED, interval(clear, 6 * 360))
    assert accuracy_fraction(TIMED, clear, 6 * 360) == 0


@pytest.mark.parametrize("poor", [0.0, 0.1, 0.5, 0.7, 0.85])
def test_runs_that_jump_about_are_no_way_to_marks(poor: float) -> None:
    """The interval of a mean of 0.45 reaches 0.95 by its spread alone; the doubt is bounded."""
    jumpy = [0.90, poor] * 3
    steady = [0.90] * 6
    assert accuracy_fraction(TIMED, steady, 6 * 360) == 0
    assert accuracy_fraction(TIMED, jumpy, 6 * 360) == 0
    one_bad = [0.96, 0.96, 0.96, 0.96, 0.96, poor]
    assert undecided(TIMED, interval(one_bad, 6 * 360))
    assert accuracy_fraction(TIMED, one_bad, 6 * 360) == (poor >= 0.7)


@given(runs, st.lists(st.integers(0, 90), min_size=8, max_size=8))
def test_more_accuracy_in_any_run_never_lowers_marks(accuracies: list[float], gains: list[int]) -> None:
    images = 360 * len(accuracies)
    better = [min(1.0, each + gain / 360) for each, gain in zip(accuracies, gains, strict=False)]
    assert reached(better, images) >= reached(accuracies, images) - 1e-9
    for timed in (TIMED, PARTS):
        assert accuracy_fraction(timed, better, images) >= accuracy_fraction(timed, accuracies, images)


@given(runs)
def test_a_doubt_goes_no_further_than_the_interval_and_never_below_the_mean(accuracies: list[float]) -> None:
    images = 360 * len(accuracies)
    found = interval(accuracies, images)
    assert found.mean <= reached(accuracies, images) <= found.high
    assert _earned_by_mean(found.mean) <= accuracy_fraction(PARTS, accuracies, images)


def _earned_by_mean(mean: float) -> float:
    return max((fraction for threshold, fraction in thresholds(PARTS) if mean >= threshold), default=0.0)


@given(runs, st.randoms(use_true_random=False))
def test_the_order_of_runs_changes_nothing(accuracies: list[float], random: object) -> None:
    assume(len(accuracies) > 1)
    shuffled = list(accuracies)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    images = 360 * len(accuracies)
    assert interval(shuffled, images) == interval(accuracies, images)
    assert reached(shuffled, images) == reached(accuracies, images)
