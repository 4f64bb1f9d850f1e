"""What a regrade changes: per student and test, old against new."""

from __future__ import annotations

from dataclasses import dataclass

from grader.model import GradeReport, TestResult


@dataclass(frozen=True, slots=True)
class Difference:
    """One changed line; the whole submission's where ``test`` is empty."""

    assignment: str
    student: str
    test: str  # name of the test function; "": the submission as a whole
    title: str  # what students call it
    old_outcome: str  # an Outcome, or a Status for the whole; "": there was no such test
    new_outcome: str
    old_earned: float | None  # points; None: there was no such test, or no mark
    new_earned: float | None

    @property
    def gain(self) -> float:
        """Points won by the regrade; negative where it costs."""
        return (self.new_earned or 0.0) - (self.old_earned or 0.0)


_SLACK = 1e-9  # points are sums of floats; less than this is no change


def differences(old: GradeReport, new: GradeReport) -> list[Difference]:
    """Say what differs between two reports of one submission: first the whole, then its tests in the new order.

    A changed message, hint or output is no difference: marks and outcomes are what a regrade must justify.
    """
    changes = []
    if old.status is not new.status or _changed(old.score, new.score):
        changes.append(
            Difference(
                new.assignment, new.student, "", "score", old.status.value, new.status.value, old.score, new.score
            )
        )
    before = {test.name: test for test in old.tests}
    after = {test.name: test for test in new.tests}
    for name in [*after, *(name for name in before if name not in after)]:
        was, now = before.get(name), after.get(name)
        if _outcome(was) != _outcome(now) or _changed(_earned(was), _earned(now)):
            title = now.title if now is not None else before[name].title
            changes.append(
                Difference(
                    new.assignment, new.student, name, title, _outcome(was), _outcome(now), _earned(was), _earned(now)
                )
            )
    return changes


def _outcome(test: TestResult | None) -> str:
    return "" if test is None else test.outcome.value


def _earned(test: TestResult | None) -> float | None:
    return None if test is None else test.earned


def _changed(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is not new
    return abs(old - new) > _SLACK
