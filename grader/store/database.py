"""The results database: every attempt to grade a submission, and which of them is its mark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Subquery, case, func, insert, select

from grader.model import GradeReport, Outcome, Status, TestResult, TrainingRun
from grader.store.base import Database
from grader.store.jobs import lock_for_judging, mark_judged
from grader.store.runs import load_runs, read_training, training_values
from grader.store.schema import gradings, test_results, training_runs
from grader.store.values import storable


class Store(Database):
    """The attempts in a results database.

    An attempt is one row, so a regrade can be compared with what it replaces. The **current** report of a submission
    is its newest attempt that gave a mark. An attempt with status ``not_graded`` is a failure of the grader; it is
    kept, but never takes the place of a mark. Only where there is no mark at all it is what :meth:`latest` shows.

    A report of a timed task that was trained refers to its job of the queue (:mod:`grader.store.queue`); the runs of
    that job are the runs of the report.
    """

    def record(self, report: GradeReport, job_id: int | None = None) -> None:
        """Write one attempt in one transaction: afterwards all of it is there, or nothing.

        ``graded_at`` is now where the report has none. NUL and lone surrogates, which databases refuse, become U+FFFD.

        :param job_id: the job of a timed task that this attempt settles: it is JUDGED from then on, whatever the
            verdict. The report's runs are those of the job, which are there already; they are not written again.
        :raises StoreError: also where the job is not a RUNNING or TRAINED one of this content; nothing is written.
        :raises ValueError: the report has training, and no job is given whose runs these are.
        """
        if report.training is not None and job_id is None:
            raise ValueError("a report of timed runs is recorded with the job that they belong to")
        with self.transaction(writes=True) as connection:
            if job_id is not None:
                lock_for_judging(connection, self.place, job_id, report)
            grading = insert(gradings).values(_grading_values(report) | {"job_id": job_id}).returning(gradings.c.id)
            grading_id = connection.execute(grading).scalar_one()
            rows = [_test_values(grading_id, position, test) for position, test in enumerate(report.tests)]
            if rows:
                connection.execute(insert(test_results), rows)
            if job_id is not None:
                mark_judged(connection, job_id, grading_id)

    def latest(self, assignment: str | None = None, student: str | None = None) -> list[GradeReport]:
        """Current reports, ordered by assignment and student; ``None`` means all."""
        return self._load(_ids(_current(), assignment, student))

    def find(self, assignment: str, student: str, key: str) -> GradeReport | None:
        """The submission's current report if it holds a mark and was made from content with this key."""
        reports = [report for report in self.latest(assignment, student) if report.status is not Status.NOT_GRADED]
        return reports[0] if reports and key and reports[0].key == key else None

    def history(self, assignment: str, student: str) -> list[GradeReport]:
        """Every attempt at a submission, oldest first, failures of the grader included."""
        return self._load(_ids(gradings, assignment, student))

    def pending(self, assignment: str | None = None, student: str | None = None) -> list[GradeReport]:
        """Failed attempts that are newer than the mark which :meth:`latest` shows, and were of other content.

        The mark then belongs to an earlier submission; ordered by assignment and student.
        """
        marks = {(report.assignment, report.student): report for report in self.latest(assignment, student)}
        newest = self._load(_ids(_newest(), assignment, student))
        return [
            attempt
            for attempt in newest
            if attempt.status is Status.NOT_GRADED
            and (mark := marks[attempt.assignment, attempt.student]).status is not Status.NOT_GRADED
            and (not attempt.key or attempt.key != mark.key)
        ]

    def _load(self, ids: Select[tuple[int]]) -> list[GradeReport]:
        with self.transaction() as connection:
            heads = connection.execute(select(gradings).where(gradings.c.id.in_(ids))).mappings().all()
            rows = connection.execute(
                select(test_results)
                .where(test_results.c.grading_id.in_(ids))
                .order_by(test_results.c.grading_id, test_results.c.position)
            ).mappings()
            tests: dict[int, list[TestResult]] = defaultdict(list)
            for row in rows:
                tests[row["grading_id"]].append(_test_result(row))
            jobs = select(gradings.c.job_id).where(gradings.c.id.in_(ids), gradings.c.training.is_not(None))
            runs = load_runs(connection, training_runs.c.job_id.in_(jobs))
        # Ordered here, because databases differ in how they collate text.
        ordered = sorted(heads, key=lambda head: (head["assignment"], head["student"], head["id"]))
        return [_grade_report(head, tests[head["id"]], runs.get(head["job_id"], ())) for head in ordered]


def _current() -> Subquery:
    """Per submission the newest attempt with a mark; without any mark the newest attempt."""
    failed = case((gradings.c.status == Status.NOT_GRADED.value, 1), else_=0)
    return _first_per_submission(failed, gradings.c.id.desc())


def _newest() -> Subquery:
    return _first_per_submission(gradings.c.id.desc())


def _first_per_submission(*order: ColumnElement[Any]) -> Subquery:
    rank = func.row_number().over(partition_by=(gradings.c.assignment, gradings.c.student), order_by=order)
    ranked = select(gradings.c.id, gradings.c.assignment, gradings.c.student, rank.label("rank")).subquery()
    return select(ranked).where(ranked.c.rank == 1).subquery()


def _ids(source: Any, assignment: str | None, student: str | None) -> Select[tuple[int]]:
    query = select(source.c.id)
    if assignment is not None:
        query = query.where(source.c.assignment == storable(assignment))
    if student is not None:
        query = query.where(source.c.student == storable(student))
    return query


def _grading_values(report: GradeReport) -> dict[str, Any]:
    return {
        "assignment": storable(report.assignment),
        "student": storable(report.student),
        "status": report.status.value,
        "score": report.score,
        "max_score": report.max_score,
        "reason": storable(report.reason),
        "traceback": storable(report.traceback),
        "notes": [storable(note) for note in report.notes],
        "output": storable(report.output),
        "seconds": report.seconds,
        "key": storable(report.key),
        "graded_at": report.graded_at or datetime.now(UTC),
        "training": None if report.training is None else training_values(report.training),
    }


def _test_values(grading_id: int, position: int, test: TestResult) -> dict[str, Any]:
    return {
        "grading_id": grading_id,
        "position": position,
        "name": storable(test.name),
        "title": storable(test.title),
        "points": test.points,
        "earned": test.earned,
        "outcome": test.outcome.value,
        "visible": test.visible,
        "hint": storable(test.hint),
        "message": storable(test.message),
        "traceback": storable(test.traceback),
        "output": storable(test.output),
        "seconds": test.seconds,
    }


def _test_result(row: RowMapping) -> TestResult:
    fields = {name: row[name] for name in row if name not in ("grading_id", "position", "outcome")}
    return TestResult(**fields, outcome=Outcome(row["outcome"]))


def _grade_report(head: RowMapping, tests: Sequence[TestResult], runs: Sequence[TrainingRun]) -> GradeReport:
    fields = {name: head[name] for name in head if name not in ("id", "job_id", "status", "notes", "training")}
    return GradeReport(
        **fields,
        status=Status(head["status"]),
        notes=tuple(head["notes"]),
        tests=tuple(tests),
        training=None if head["training"] is None else read_training(head["training"], runs),
    )
