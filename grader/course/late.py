"""The table [late] of a course.toml → :class:`~grader.model.LatePolicy`, and what a late hand-in loses by it."""

from __future__ import annotations

import math

from grader.course.table import Table
from grader.model import LatePolicy

KEYS = ("grace_minutes", "percent_per_day", "most_percent", "zero_after_days")
MINUTE, DAY = 60, 24 * 60 * 60  # seconds
MOST_GRACE_MINUTES = 7 * 24 * 60  # a week; who gives more means another due time
MOST_DAYS = 366  # longer than any course


def read_late(table: Table) -> LatePolicy:
    """Read the table.

    :raises ConfigError: a key is unknown, of the wrong type or out of its range, or the table deducts nothing.
    """
    table.only(KEYS)
    if "percent_per_day" not in table.values and "zero_after_days" not in table.values:
        table.fail(
            None,
            '"late" deducts nothing',
            "add a line: percent_per_day = 10 or zero_after_days = 7; or remove the table",
        )
    each = table.number("percent_per_day", most=100) if "percent_per_day" in table.values else 0.0
    most = table.number("most_percent", 100.0, most=100)
    if most < each:
        table.fail(
            "most_percent",
            f'"late.most_percent" is {most:g} and "late.percent_per_day" {each:g}',
            "the first day alone must not take more than all days together",
        )
    return LatePolicy(
        grace_minutes=table.integer("grace_minutes", 0, least=0, most=MOST_GRACE_MINUTES),
        percent_per_day=each,
        most_percent=most,
        zero_after_days=(
            table.integer("zero_after_days", least=0, most=MOST_DAYS) if "zero_after_days" in table.values else None
        ),
    )


def penalty(policy: LatePolicy, score: float, seconds_late: float) -> float | None:
    """Points that a hand-in loses; None where it loses none.

    Days count from the end of the grace minutes, and a day that has begun counts whole.

    >>> policy = LatePolicy(grace_minutes=15, percent_per_day=10, most_percent=50, zero_after_days=7)
    >>> penalty(policy, 8.0, 15 * MINUTE), penalty(policy, 8.0, 15 * MINUTE + 1)
    (None, 0.8)
    >>> penalty(policy, 8.0, 15 * MINUTE + DAY), penalty(policy, 8.0, 15 * MINUTE + DAY + 1)
    (0.8, 1.6)
    >>> penalty(policy, 8.0, 7 * DAY), penalty(policy, 8.0, 8 * DAY)
    (4.0, 8.0)
    >>> penalty(LatePolicy(), 8.0, DAY)

    :param score: points earned, before the deduction.
    :param seconds_late: from the due time, extensions included, to the hand-in; 0 or less: in time.
    """
    days = math.ceil((seconds_late - policy.grace_minutes * MINUTE) / DAY)
    if days <= 0 or score <= 0:
        return None
    if policy.zero_after_days is not None and days > policy.zero_after_days:
        return score
    lost = score * min(policy.percent_per_day * days, policy.most_percent) / 100
    return min(lost, score) or None
