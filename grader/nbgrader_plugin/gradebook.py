"""Writing a class's marks into nbgrader's gradebook: what ``SaveAutoGrades`` and ``AssignLatePenalties`` write, in one
transaction per submission and without a new connection for every step.

The tables are nbgrader's own classes; a test compares every row with those of ``nbgrader autograde``.
"""

# nbgrader has no annotations.
# mypy: disable-error-code="import-untyped"
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from subprocess import CalledProcessError
from typing import Any

from nbgrader import api
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from grader.errors import StoreError, UsageError
from grader.nbgrader_plugin.gradebook_cells import ReleasedCell, read_cells

REMEDY = "see whether the database runs, is writable and not locked; nbgrader db upgrade, after an update of nbgrader"


@dataclass(frozen=True, slots=True)
class ReleasedNotebook:
    """A notebook of an assignment, as the gradebook has it."""

    id: str
    name: str
    kernelspec: str | None  # JSON text
    cells: Mapping[str, ReleasedCell]
    grade_cells: Mapping[str, str]  # name of a cell with points -> its id; tasks are among them
    comment_cells: Mapping[str, str]  # name of an answer or a task -> its id


@dataclass(frozen=True, slots=True)
class ReleasedAssignment:
    """An assignment, as the gradebook has it."""

    id: str
    name: str
    duedate: datetime | None  # UTC, without a zone
    notebooks: Mapping[str, ReleasedNotebook]


@dataclass(frozen=True, slots=True)
class NotebookMarks:
    """What autograding has found in one submitted notebook; None for one that was not handed in."""

    scores: Mapping[str, float | None]  # by cell; None: somebody must grade it by hand
    comments: Mapping[str, str | None]  # by cell


Penalty = Callable[[str, float, float], float | None]  # (student, score, seconds late) -> points


class ClassGradebook:
    """An open gradebook; for one thread."""

    def __init__(self, url: str, course_id: str) -> None:
        """Open it; a new SQLite file gets nbgrader's tables.

        :raises StoreError: it cannot be opened.
        """
        self._place = "CourseDirectory.db_url"
        try:
            self._place = make_url(url).render_as_string(hide_password=True)
            self._gradebook = api.Gradebook(url, course_id)
        except (SQLAlchemyError, ImportError, OSError, CalledProcessError) as error:  # a new one needs alembic
            what = f"the gradebook cannot be opened: {_said(error)}"
            raise StoreError(what, where=self._place, remedy=REMEDY) from error
        self._db = self._gradebook.db
        with self._translated():
            self._students = set(self._db.scalars(select(api.Student.id)))

    def __enter__(self) -> ClassGradebook:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._gradebook.close()

    def assignment(self, name: str) -> ReleasedAssignment:
        """What was released under this name.

        :raises UsageError: nothing was.
        """
        with self._translated():
            try:
                found = self._gradebook.find_assignment(name)
            except api.MissingEntry:
                raise UsageError(
                    f"the gradebook has no assignment {name}",
                    where=self._place,
                    remedy=f"run: nbgrader generate_assignment {name}",
                ) from None
            notebooks = {notebook.name: _released(notebook) for notebook in found.notebooks}
            released = ReleasedAssignment(found.id, found.name, found.duedate, notebooks)
            self._db.rollback()  # end the read
        return released

    def recorded(self, assignment: ReleasedAssignment) -> frozenset[str]:
        """Students of whom it has a submission for this assignment."""
        table = api.SubmittedAssignment.__table__
        with self._translated():
            found = frozenset(
                self._db.scalars(select(table.c.student_id).where(table.c.assignment_id == assignment.id))
            )
            self._db.rollback()  # end the read
        return found

    def record(
        self,
        assignment: ReleasedAssignment,
        student: str,
        timestamp: datetime | None,
        marks: Mapping[str, NotebookMarks | None],
        penalty: Penalty,
    ) -> None:
        """Write one submission, all of it or nothing.

        Manual scores and comments stay; a cell with a manual score is to be looked at again, as nbgrader has it.

        :param timestamp: when it was handed in, UTC without a zone; None leaves what the gradebook has.
        :param marks: by notebook; None for one that is missing, whose cells then score 0.
        :raises StoreError: the database fails.
        """
        with self._translated():
            try:
                if student not in self._students:
                    self._db.execute(insert(api.Student.__table__).values(id=student))
                submission, late = self._submission(assignment, student, timestamp)
                for name, found in marks.items():
                    notebook = assignment.notebooks[name]
                    row = self._notebook(notebook, submission)
                    self._write_scores(notebook, row, found)
                    if found is not None:
                        self._write_comments(notebook, row, found)
                        self._write_penalty(row, student, late, penalty)
                self._db.commit()
            except BaseException:
                self._db.rollback()
                raise
        self._students.add(student)

    def _submission(
        self, assignment: ReleasedAssignment, student: str, timestamp: datetime | None
    ) -> tuple[str, timedelta]:
        """The row of a submission, made where there is none, and by how much it is late."""
        table = api.SubmittedAssignment.__table__
        wanted = (table.c.assignment_id == assignment.id, table.c.student_id == student)
        row = self._db.execute(select(table.c.id, table.c.timestamp, table.c.extension).where(*wanted)).first()
        if row is None:
            identity, before, extension = api.new_uuid(), None, None
            values = {"id": identity, "assignment_id": assignment.id, "student_id": student, "timestamp": timestamp}
            self._db.execute(insert(table).values(**values))
        else:
            identity, before, extension = row
            if timestamp is not None and timestamp != before:
                self._db.execute(update(table).where(table.c.id == identity).values(timestamp=timestamp))
        handed_in = timestamp or before
        late = timedelta(0)
        if assignment.duedate is not None and handed_in is not None:
            late = max(late, handed_in - (assignment.duedate + (extension or timedelta(0))))
        for notebook in assignment.notebooks.values() if row is None else ():
            self._notebook(notebook, identity)
        return identity, late

    def _notebook(self, notebook: ReleasedNotebook, submission: str) -> str:
        """The row of a submitted notebook, with one for each of its cells; what is missing is made."""
        table = api.SubmittedNotebook.__table__
        wanted = (table.c.notebook_id == notebook.id, table.c.assignment_id == submission)
        identity: str | None = self._db.scalar(select(table.c.id).where(*wanted))
        if identity is None:
            identity = api.new_uuid()
            values = {"id": identity, "notebook_id": notebook.id, "assignment_id": submission, "flagged": False}
            self._db.execute(insert(table).values(**values))
        self._fill(api.Grade.__table__, notebook.grade_cells, identity, {"needs_manual_grade": True})
        self._fill(api.Comment.__table__, notebook.comment_cells, identity, {})
        return identity

    def _fill(self, table: Any, cells: Mapping[str, str], notebook: str, values: Mapping[str, Any]) -> None:
        """Rows for those cells of a submitted notebook that have none: a cell may be younger than the submission."""
        there = set(self._db.scalars(select(table.c.cell_id).where(table.c.notebook_id == notebook)))
        new = [
            {"id": api.new_uuid(), "cell_id": cell, "notebook_id": notebook, **values}
            for cell in cells.values()
            if cell not in there
        ]
        if new:
            self._db.execute(insert(table), new)

    def _write_scores(self, notebook: ReleasedNotebook, row: str, marks: NotebookMarks | None) -> None:
        table = api.Grade.__table__
        manual = dict(
            self._db.execute(select(table.c.cell_id, table.c.manual_score).where(table.c.notebook_id == row)).all()
        )
        rows = []
        for name in notebook.grade_cells if marks is None else marks.scores:
            cell = notebook.grade_cells[name]
            score = 0.0 if marks is None else marks.scores[name]
            by_hand = marks is not None and (manual[cell] is not None or score is None)
            rows.append({"cell": cell, "score": score, "by_hand": by_hand})
        values: dict[str, Any] = {"auto_score": bindparam("score"), "needs_manual_grade": bindparam("by_hand")}
        self._update_all(table, row, values, rows)

    def _write_comments(self, notebook: ReleasedNotebook, row: str, marks: NotebookMarks) -> None:
        rows = [{"cell": notebook.comment_cells[name], "comment": text} for name, text in marks.comments.items()]
        self._update_all(api.Comment.__table__, row, {"auto_comment": bindparam("comment")}, rows)

    def _update_all(self, table: Any, notebook: str, values: Mapping[str, Any], rows: list[dict[str, Any]]) -> None:
        """Update rows of a submitted notebook's cells, each given by ``cell``, with one statement."""
        if rows:
            mine = (table.c.notebook_id == notebook, table.c.cell_id == bindparam("cell"))
            self._db.connection().execute(update(table).where(*mine).values(values), rows)

    def _write_penalty(self, row: str, student: str, late: timedelta, penalty: Penalty) -> None:
        points: float | None = None
        if late > timedelta(0):
            score = self._db.scalar(select(func.sum(api.Grade.score)).where(api.Grade.notebook_id == row)) or 0.0
            points = penalty(student, score, late.total_seconds())
            if points is not None:
                points = min(max(0.0, points), score)
        table = api.SubmittedNotebook.__table__
        self._db.execute(update(table).where(table.c.id == row).values(late_submission_penalty=points))

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(f"the gradebook failed: {_said(error)}", where=self._place, remedy=REMEDY) from error


def _released(notebook: Any) -> ReleasedNotebook:
    solutions = {cell.name: cell.id for cell in notebook.solution_cells}
    tasks = {cell.name: cell.id for cell in notebook.task_cells}
    graded = {cell.name: cell.id for cell in notebook.grade_cells}
    points, comments = {**graded, **tasks}, {**solutions, **tasks}
    return ReleasedNotebook(notebook.id, notebook.name, notebook.kernelspec, read_cells(notebook), points, comments)


def _said(error: BaseException) -> str:
    """The first line of what a driver says; the rest is SQL."""
    return str(error).partition("\n")[0]
