"""The leaderboard of a timed task: who reached full accuracy, and how fast; made to be shown to the whole class.

It says of nobody more than his figures, and why there are none in the grader's own words: a message may quote the
student's code, and the class is no place for that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from grader.course.timed import ACCURACY, TIME
from grader.model import (
    Assignment,
    Course,
    CurvePoint,
    GradeReport,
    Outcome,
    ShownAs,
    Status,
    Timed,
    Training,
    TrainingRun,
)
from grader.reports.class_report import ITS_TURN
from grader.reports.pseudonyms import pseudonyms
from grader.reports.text import OUTCOME_WORDS, STATUS_WORDS

SMALL_ONLY = "judged on the small data set only"
_SLACK = 1e-9  # points are sums of floats; less than this is no loss


@dataclass(frozen=True, slots=True)
class Place:
    """A student with a rank. Equal figures share a rank; "equal" means as they are shown."""

    rank: int
    shown: str  # pseudonym, name or id, as course.toml says
    full: bool  # earned all points of the accuracy line
    in_time: bool  # earned the points of the time line
    accuracy: float  # mean over the runs that count
    training: Training

    @property
    def multiple(self) -> float:
        """Median time as a multiple of the reference's in the same session."""
        return self.training.seconds / self.training.reference_seconds if self.training.reference_seconds else 0.0

    @property
    def disturbed(self) -> int:
        """Runs during which the device did other work as well."""
        return sum(bool(run.disturbed) for run in self.training.runs)

    @property
    def curve(self) -> tuple[CurvePoint, ...]:
        """What the most accurate of the runs that logged anything has logged; empty where none did."""
        return best_logged(self.training.runs)


@dataclass(frozen=True, slots=True)
class Unranked:
    """A student without a rank."""

    shown: str
    reason: str  # a few words of the grader's own, in lower case


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """What every renderer of a leaderboard works from."""

    course: str
    assignment: Assignment
    thresholds: Timed  # what the ranked were judged by: [timed] or [timed.small]
    students: ShownAs
    by_multiple: bool  # times are compared as multiples of the reference's, for they stem from several kinds of device
    places: tuple[Place, ...]  # by rank, then by what is shown
    unranked: tuple[Unranked, ...]  # by reason, then by what is shown
    small: bool = False  # all of them are judged by [timed.small]
    as_of: datetime | None = None  # UTC; of the newest result


def build(course: Course, assignment: Assignment, reports: Iterable[GradeReport]) -> Leaderboard:
    """Rank the current reports of a timed task.

    First those at full accuracy, by median time; then the others with predictions, by accuracy. Students of the
    roster without a report are among the unranked. Results on the small data set are ranked only where there are no
    others: they are another task.

    :param reports: current reports; those of other assignments do not count.
    :raises ValueError: the assignment is not timed.
    """
    if assignment.timed is None:
        raise ValueError(f"{assignment.name} is not timed")
    current = {report.student: report for report in reports if report.assignment == assignment.name}
    listed = [student.id for student in course.roster]
    ids = [*listed, *sorted(set(current) - set(listed))]
    shown = _shown(course, ids)
    figures = [report.training for report in current.values() if report.training is not None]
    small = bool(figures) and all(training.small for training in figures)
    places: list[Place] = []
    unranked: list[Unranked] = []
    for student in ids:
        entry = _entry(shown[student], current.get(student), small)
        if isinstance(entry, Place):
            places.append(entry)
        else:
            unranked.append(entry)
    by_multiple = len({device_kind(place.training.device) for place in places}) > 1
    times = [report.graded_at for report in current.values() if report.graded_at is not None]
    return Leaderboard(
        course=course.name,
        assignment=assignment,
        thresholds=assignment.timed.small or assignment.timed if small else assignment.timed,
        students=course.leaderboard,
        by_multiple=by_multiple,
        places=_ranked(places, by_multiple),
        unranked=tuple(sorted(unranked, key=lambda entry: (entry.reason, entry.shown))),
        small=small,
        as_of=max(times, default=None),
    )


def best_logged(runs: Iterable[TrainingRun]) -> tuple[CurvePoint, ...]:
    """The learning curve of the most accurate run that has one; empty where none has."""
    logged = [run for run in runs if run.curve]
    return max(logged, key=lambda run: -1.0 if run.accuracy is None else run.accuracy).curve if logged else ()


def device_kind(device: str) -> str:
    """A device's name without its number: times on two of a kind can be compared.

    >>> device_kind("NVIDIA H200 1"), device_kind("cpu-0")
    ('NVIDIA H200', 'cpu')
    """
    return re.sub(r"[ -]\d+$", "", device)


def _shown(course: Course, ids: list[str]) -> dict[str, str]:
    match course.leaderboard:
        case ShownAs.PSEUDONYMS:
            return pseudonyms(course.seed, ids)
        case ShownAs.NAMES:
            names = {student.id: student.name for student in course.roster}
            return {student: names.get(student) or student for student in ids}
        case ShownAs.IDS:
            return {student: student for student in ids}


def _entry(shown: str, report: GradeReport | None, small: bool) -> Place | Unranked:
    if report is None:
        return Unranked(shown, ITS_TURN.rstrip(".").lower())
    training = report.training
    if training is None or report.status is not Status.GRADED:
        return Unranked(shown, STATUS_WORDS[report.status] if report.status is not Status.GRADED else "not trained")
    if training.small and not small:
        return Unranked(shown, SMALL_ONLY)
    if training.accuracy is None:
        failed = [run.outcome for run in training.runs if run.outcome is not Outcome.PASSED and not run.disturbed]
        return Unranked(shown, f"a run failed: {OUTCOME_WORDS[failed[0]]}" if failed else "a run gave no predictions")
    earned = {test.name: test.earned >= test.points - _SLACK for test in report.tests}
    return Place(0, shown, earned.get(ACCURACY, False), earned.get(TIME, False), training.accuracy, training)


def _ranked(places: list[Place], by_multiple: bool) -> tuple[Place, ...]:
    """Sorted and ranked 1, 2, 2, 4 …, by figures as precise as they are shown."""

    def figures(place: Place) -> tuple[bool, float]:
        time = place.multiple if by_multiple else place.training.seconds
        return not place.full, round(time, 2) if place.full else -round(place.accuracy, 4)

    return tuple(_with_ranks(sorted(places, key=lambda place: (figures(place), place.shown)), figures))


def _with_ranks(places: list[Place], figures: Callable[[Place], object]) -> Iterable[Place]:
    rank, last = 0, None
    for number, place in enumerate(places, start=1):
        if figures(place) != last:
            rank, last = number, figures(place)
        yield replace(place, rank=rank)
