"""From the results database to a class report."""

from __future__ import annotations

from grader.model import Course
from grader.reports.class_report import ClassReport, build
from grader.store.database import Store


def load_class(course: Course) -> ClassReport:
    """Read the current results of a course; the database is only read.

    :raises StoreError: there is no database yet, or it cannot be read.
    """
    with Store(course.database, read_only=True) as store:
        return build(course, store.latest(), pending=store.pending())
