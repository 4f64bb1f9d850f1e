"""The results of a class, put in order: one row per student, one report per assignment, gaps filled."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from grader.course.table import nearest
from grader.errors import UsageError
from grader.model import Assignment, Course, GradeReport, Status, Student, TestResult

ITS_TURN = "Its turn has not come."


@dataclass(frozen=True, slots=True)
class StudentRow:
    """One student's results; the tuples run parallel to ``ClassReport.assignments``."""

    student: Student
    listed: bool  # False: has results, but the roster does not name the student
    reports: tuple[GradeReport, ...]  # the current ones; NOT_GRADED where there is none
    pending: tuple[GradeReport | None, ...]  # a newer attempt at which the grader failed: the mark is an older one's

    @property
    def score(self) -> float:
        """Points of all marks given."""
        return sum(report.score for report in self.reports if report.score is not None)

    @property
    def max_score(self) -> float:
        """Points of those assignments that have a mark."""
        return sum(report.max_score for report in self.reports if report.score is not None)

    @property
    def complete(self) -> bool:
        """Every assignment has a mark, and none of them is out of date."""
        return all(report.score is not None for report in self.reports) and not any(self.pending)


@dataclass(frozen=True, slots=True)
class ClassReport:
    """What every renderer of a class works from."""

    course: str
    assignments: tuple[Assignment, ...]  # in the order of the course
    rows: tuple[StudentRow, ...]  # in the order of the roster, then those that it lacks, by id
    unknown: tuple[str, ...] = ()  # assignments that have results, but are not in the course

    def column(self, index: int) -> tuple[GradeReport, ...]:
        """All reports of one assignment."""
        return tuple(row.reports[index] for row in self.rows)

    @property
    def reports(self) -> tuple[GradeReport, ...]:
        """All reports, by assignment and then by row."""
        return tuple(report for index in range(len(self.assignments)) for report in self.column(index))


def build(course: Course, reports: Iterable[GradeReport], *, pending: Iterable[GradeReport] = ()) -> ClassReport:
    """Put the current reports of a course in order.

    A student of the roster without a report appears as NOT_GRADED, without a mark: only the grader can tell that a
    submission is missing. A student with reports who is not on the roster is listed too, so that no mark disappears.

    :param pending: newer attempts at which the grader failed (``Store.pending``).
    """
    by_place = {(report.assignment, report.student): report for report in reports}
    newer = {(attempt.assignment, attempt.student): attempt for attempt in pending}
    names = {assignment.name for assignment in course.assignments}
    listed = {student.id for student in course.roster}
    others = sorted({report.student for report in by_place.values() if report.assignment in names} - listed)
    rows = [
        StudentRow(
            student=student,
            listed=student.id in listed or not listed,
            reports=tuple(
                by_place.get((assignment.name, student.id)) or _nothing_yet(assignment, student)
                for assignment in course.assignments
            ),
            pending=tuple(newer.get((assignment.name, student.id)) for assignment in course.assignments),
        )
        for student in (*course.roster, *map(Student, others))
    ]
    unknown = sorted({report.assignment for report in by_place.values()} - names)
    return ClassReport(course.name, course.assignments, tuple(rows), tuple(unknown))


def select(report: ClassReport, *, assignments: Collection[str] = (), student: str | None = None) -> ClassReport:
    """The part of a class report that is about these assignments (empty: all) and this student (None: all).

    :raises UsageError: the class has no such assignment or student.
    """
    known = [assignment.name for assignment in report.assignments]
    for name in assignments:
        if name not in known:
            raise UsageError(f'there is no assignment "{name}"', remedy=nearest(name, known))
    students = [row.student.id for row in report.rows]
    if student is not None and student not in students:
        raise UsageError(f'there is no student "{student}"', remedy=nearest(student, students))
    kept = [index for index, name in enumerate(known) if not assignments or name in assignments]
    rows = [
        replace(
            row,
            reports=tuple(row.reports[index] for index in kept),
            pending=tuple(row.pending[index] for index in kept),
        )
        for row in report.rows
        if student is None or row.student.id == student
    ]
    return replace(report, assignments=tuple(report.assignments[index] for index in kept), rows=tuple(rows))


def is_lost(test: TestResult) -> bool:
    """Whether the test cost any mark."""
    return test.earned < test.points


def was_attempted(report: GradeReport) -> bool:
    """Whether anybody has tried to grade it; not so for the gaps that :func:`build` fills."""
    return report.status is not Status.NOT_GRADED or report.graded_at is not None


def _nothing_yet(assignment: Assignment, student: Student) -> GradeReport:
    return GradeReport(assignment.name, student.id, Status.NOT_GRADED, None, assignment.points, reason=ITS_TURN)
