"""What would become of an honest copy of the reference: chances by simulated sessions, and the thresholds they suggest.

Sessions are drawn in two ways, and the worse chance counts. *Resampling* draws each run from the measured ones,
time and accuracy together; it assumes no distribution, but n runs hold no event rarer than about 1/n. The *normal
model* has tails: accuracies and logarithms of seconds (times are skewed, and positive) are normal, and in each session
mean and variance are drawn from what n runs leave open about them (the posterior under Jeffreys' prior; Gelman et al.,
Bayesian Data Analysis, section 3.2), so few runs give wide tails. The judgement's own rule adds seeds and gives marks.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gpu_runner.confidence import DUST, accuracy_fraction, interval, undecided
from grader.model import Timed

# The standard error of a chance of 1 % is then 0.16 %, and both ways together take less than a second.
SESSIONS = 4000
# The least that a session has: the reference runs first and last.
REFERENCE_RUNS = 2
MOST_CHANCE = 0.01  # that an honest copy of the reference loses marks; a task above it is refused
FULL_STEP = 0.005  # suggested thresholds are multiples of this
MULTIPLE_STEP = 0.5
MOST_MULTIPLE = 100.0
SEED = 20_240_229  # fixed, so that the same figures always give the same chances

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chances:
    """That an honest copy of the reference does not get all marks; the worse of both ways of drawing sessions."""

    accuracy: float  # that it loses marks for accuracy
    time: float  # that it exceeds the time limit
    either: float


@dataclass(frozen=True, slots=True)
class _Sessions:
    """Simulated runs, one row per session."""

    accuracies: Array  # (sessions, max_seeds)
    seconds: Array  # (sessions, max_seeds)
    reference: Array  # (sessions, REFERENCE_RUNS) seconds


def chances(timed: Timed, seconds: Sequence[float], accuracies: Sequence[float]) -> Chances:
    """The chances with the task's settings.

    :param seconds: wall seconds of the reference's runs on one device; at least two.
    :param accuracies: of the same runs.
    :raises ValueError: fewer than two runs, or not as many seconds as accuracies.
    """
    found = [_lost(timed, sessions) for sessions in _simulate(timed, seconds, accuracies)]
    return Chances(*(max(float(np.mean(lost[part])) for lost in found) for part in range(3)))


def suggest_full(timed: Timed, seconds: Sequence[float], accuracies: Sequence[float]) -> float:
    """The highest multiple of FULL_STEP that, as ``full``, an honest copy misses in less than MOST_CHANCE.

    Parameters and errors are those of :func:`chances`. 0 where there is none.
    """
    both = _simulate(timed, seconds, accuracies)

    def holds(step: int) -> bool:
        judged = dataclasses.replace(timed, full=step * FULL_STEP, part_from=None)
        return all(np.mean(_accuracy_lost(judged, sessions)[0]) < MOST_CHANCE for sessions in both)

    return round(_last(holds, round(1 / FULL_STEP)) * FULL_STEP, 6)


def suggest_multiple(timed: Timed, seconds: Sequence[float], accuracies: Sequence[float]) -> float:
    """The least multiple of MULTIPLE_STEP above 1 that an honest copy's time exceeds in less than MOST_CHANCE.

    The task's floor does not help here, since on a slower device it would not. Students' code needs room beyond it.
    Parameters and errors are those of :func:`chances`. MOST_MULTIPLE where none below it will do.
    """
    both = _simulate(timed, seconds, accuracies)
    first = round(1 / MULTIPLE_STEP) + 1
    for step in range(first, round(MOST_MULTIPLE / MULTIPLE_STEP)):
        judged = dataclasses.replace(timed, multiple=step * MULTIPLE_STEP, floor_seconds=0.0)
        runs = np.full(SESSIONS, timed.seeds)
        if all(np.mean(_time_lost(judged, sessions, runs)) < MOST_CHANCE for sessions in both):
            return step * MULTIPLE_STEP
    return MOST_MULTIPLE


def _last(holds: Callable[[int], bool], most: int) -> int:
    """The greatest step from 1 to ``most`` that holds, where a step that fails fails for all above; else 0."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _simulate(timed: Timed, seconds: Sequence[float], accuracies: Sequence[float]) -> tuple[_Sessions, _Sessions]:
    """Sessions by resampling, and by the normal model."""
    if len(seconds) != len(accuracies) or len(seconds) < 2:
        raise ValueError(f"{len(seconds)} times and {len(accuracies)} accuracies: two or more of each, as many")
    generator = np.random.default_rng(SEED)
    times, shares = np.asarray(seconds, float), np.asarray(accuracies, float)
    runs = generator.integers(len(times), size=(SESSIONS, timed.max_seeds))
    references = generator.integers(len(times), size=(SESSIONS, REFERENCE_RUNS))
    resampled = _Sessions(shares[runs], times[runs], times[references])
    logarithms = _normal(np.log(times), timed.max_seeds + REFERENCE_RUNS, generator)
    modelled = _Sessions(
        np.clip(_normal(shares, timed.max_seeds, generator), 0.0, 1.0),
        np.exp(logarithms[:, REFERENCE_RUNS:]),
        np.exp(logarithms[:, :REFERENCE_RUNS]),
    )
    return resampled, modelled


def _normal(measured: Array, columns: int, generator: np.random.Generator) -> Array:
    """(SESSIONS, columns) draws; each row has its own mean and variance, drawn from their posterior."""
    n = len(measured)
    variance = np.var(measured, ddof=1) * (n - 1) / generator.chisquare(n - 1, size=(SESSIONS, 1))
    mean = generator.normal(np.mean(measured), np.sqrt(variance / n))
    return generator.normal(mean, np.sqrt(variance), size=(SESSIONS, columns))


def _lost(timed: Timed, sessions: _Sessions) -> tuple[npt.NDArray[np.bool_], ...]:
    """Whether marks are lost for accuracy, for time, for either; (sessions,) each."""
    accuracy, runs = _accuracy_lost(timed, sessions)
    time = _time_lost(timed, sessions, runs)
    return accuracy, time, accuracy | time


def _accuracy_lost(timed: Timed, sessions: _Sessions) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Whether each session loses marks for accuracy, and after how many runs it is judged."""
    lost, runs = np.empty(len(sessions.accuracies), bool), np.empty(len(sessions.accuracies), np.int64)
    for row, drawn in enumerate(sessions.accuracies.tolist()):
        n = timed.seeds
        while n < timed.max_seeds and undecided(timed, interval(drawn[:n], n * timed.hidden_images)):
            n += 1
        lost[row] = accuracy_fraction(timed, drawn[:n], n * timed.hidden_images) < 1
        runs[row] = n
    return lost, runs


def _time_lost(timed: Timed, sessions: _Sessions, runs: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether the median of each session's first ``runs`` times exceeds its limit."""
    used = np.where(np.arange(sessions.seconds.shape[1]) < runs[:, None], sessions.seconds, math.nan)
    limit = np.maximum(timed.floor_seconds, timed.multiple * np.median(sessions.reference, axis=1))
    exceeded: npt.NDArray[np.bool_] = np.nanmedian(used, axis=1) > limit + DUST
    return exceeded
