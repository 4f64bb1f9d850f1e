"""What the exporters for Canvas and Moodle share: the marks of nbgrader's gradebook, row by row, as a CSV file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import (  # type: ignore[import-untyped]  # it has no types
    Assignment,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.plugins import ExportPlugin  # type: ignore[import-untyped]
from sqlalchemy import Integer, cast, func, select
from traitlets import Dict, Enum, Unicode

from grader.course.table import nearest
from grader.errors import GraderError, UsageError
from grader.reports.export import points_of, text_cell

MOST_DECIMALS = 5  # Moodle keeps five; Canvas shows two


@dataclass(frozen=True, slots=True)
class Mark:
    """What the gradebook says of one submission."""

    points: float  # after the late penalty, extra credit included
    settled: bool  # False where a cell still waits for its grade


class GradesExport(ExportPlugin):  # type: ignore[misc]
    """One row per student, one column per assignment, points after the late penalty.

    A subclass gives the columns that tell who a student is.
    """

    default_file = "grades.csv"

    assignment_columns = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="Column of an assignment, where it is not called as in nbgrader: {'gradient_descent': 'Week 2 (12345)'}.",
    ).tag(config=True)
    missing = Enum(
        ("no grade", "zero"),
        "no grade",
        help="What stands where nothing was handed in. With 'no grade' the other system goes on to show it as missing.",
    ).tag(config=True)
    unsettled = Enum(
        ("no grade", "points"),
        "no grade",
        help="What stands where a cell waits for a grade, by hand or by autograde. 'points' takes such a cell as zero.",
    ).tag(config=True)
    no_grade = Unicode("", help="The text that the other system reads as: there is no grade.").tag(config=True)
    encoding = Unicode("utf-8", help="'utf-8-sig' lets Excel show accents.").tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        """Write the file ``--to``; a mistake in the options ends the command with a message and exit code 1."""
        try:
            self._export(gradebook, Path(self.to or self.default_file))
        except GraderError as error:
            self.log.error(str(error))
            raise SystemExit(error.exit_code) from error

    def identify(self, student: Any) -> list[str]:
        """The cells that tell who a student is; texts that the other system compares must come from :meth:`exact`.

        :raises ValueError: the other system could not tell; with the reason.
        """
        raise NotImplementedError

    def head_rows(self, columns: Sequence[str], maxima: Sequence[float]) -> Iterable[list[Any]]:
        """The rows above the students'.

        :param columns: the assignments' columns.
        :param maxima: their points.
        """
        raise NotImplementedError

    @staticmethod
    def exact(identifier: str) -> str:
        """An identifier as it is: changed by one character it would be nobody's, or somebody else's.

        :raises ValueError: it cannot stand in a cell unchanged.
        """
        if text_cell(identifier) != identifier:
            raise ValueError(f"{identifier!r} cannot stand in a table unchanged")
        return identifier

    def _export(self, gradebook: Gradebook, path: Path) -> None:
        assignments = {each.name: float(each.max_score) for each in gradebook.assignments}
        for name in self.assignment_columns:
            _known(name, assignments, "assignment_columns names an assignment that the gradebook does not have")
        names = _selected("assignment", self.assignment, assignments)
        columns = [self.assignment_columns.get(name) or text_cell(name) for name in names]
        for column, count in Counter(columns).items():
            if count > 1:
                raise UsageError(
                    f'two assignments would stand in the column "{column}"', remedy="correct assignment_columns"
                )
        students = {student.id: student for student in _students(gradebook)}
        marks = _marks(gradebook)
        rows = list(self.head_rows(columns, [assignments[name] for name in names]))
        for id in _selected("student", self.student, students):
            try:
                head = self.identify(students[id])
            except ValueError as reason:
                self.log.warning("%s is left out: %s", text_cell(id), reason)
                continue
            rows.append([*head, *(self._cell(marks.get((id, name))) for name in names)])
        try:
            with path.open("w", encoding=self.encoding, newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
        except OSError as error:
            raise UsageError(
                f"cannot be written: {error.strerror}", where=path, remedy="name another file with --to"
            ) from error
        self.log.info("Exported %s to %s", ", ".join(names) or "no assignment", path)

    def _cell(self, mark: Mark | None) -> float | str:
        if mark is None:
            return 0 if self.missing == "zero" else self.no_grade
        if not mark.settled and self.unsettled == "no grade":
            return self.no_grade
        return points_of(round(mark.points, MOST_DECIMALS))


def _selected(kind: str, wanted: Iterable[Any], known: Iterable[str]) -> list[str]:
    """The known names that were asked for, in their own order; all where none was."""
    known = list(known)
    # On the command line a name of digits becomes a number.
    names = {str(each) for each in wanted}
    for name in sorted(names):
        _known(name, known, f"the gradebook has no such {kind}")
    return [name for name in known if not names or name in names]


def _known(name: str, known: Iterable[str], what: str) -> None:
    known = list(known)
    if name not in known:
        raise UsageError(f"{what}: {name}", remedy=nearest(name, known))


def _students(gradebook: Gradebook) -> list[Any]:
    """Rows with id, first_name, last_name, email and lms_user_id, by name."""
    columns = (Student.id, Student.first_name, Student.last_name, Student.email, Student.lms_user_id)
    order = (func.coalesce(Student.last_name, ""), func.coalesce(Student.first_name, ""), Student.id)
    return list(gradebook.db.execute(select(*columns).order_by(*order)))


def _marks(gradebook: Gradebook) -> dict[tuple[str, str], Mark]:
    """Marks by student's id and assignment's name: three queries, however many students there are."""
    execute = gradebook.db.execute
    penalties = dict(
        execute(
            select(SubmittedNotebook.assignment_id, func.sum(SubmittedNotebook.late_submission_penalty))
            .where(SubmittedNotebook.late_submission_penalty.is_not(None))
            .group_by(SubmittedNotebook.assignment_id)
        ).all()
    )
    scores = {
        id: (score, waiting)
        for id, score, waiting in execute(
            select(
                SubmittedNotebook.assignment_id,
                func.sum(Grade.score),
                func.max(cast(Grade.needs_manual_grade, Integer)),
            )
            .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
            .group_by(SubmittedNotebook.assignment_id)
        )
    }
    marks = {}
    for id, student, name in execute(
        select(SubmittedAssignment.id, SubmittedAssignment.student_id, Assignment.name).join(
            Assignment, Assignment.id == SubmittedAssignment.assignment_id
        )
    ):
        score, waiting = scores.get(id, (0.0, 0))
        marks[student, name] = Mark(max(0.0, score - penalties.get(id, 0.0)), settled=not waiting)
    return marks
