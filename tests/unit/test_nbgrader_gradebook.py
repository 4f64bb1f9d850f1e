"""A class's marks in nbgrader's tables: the rows that nbgrader's own steps write, on SQLite and PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader import api
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades
from nbgrader.utils import compute_checksum
from traitlets.config import Config

from grader.errors import StoreError, UsageError
from grader.nbgrader_plugin.gradebook import ClassGradebook, NotebookMarks
from grader.nbgrader_plugin.steps import read_marks
from tests.functional.nbgrader_tools import gradebook_rows

A = "ps1"
DUE = datetime(2026, 5, 1, 12)
IN_TIME, LATE = DUE - timedelta(hours=1), DUE + timedelta(hours=30)


def no_penalty(_student: str, _score: float, _late: float) -> float | None:
    return None


def nbgraders_zero(_student: str, score: float, _late: float) -> float | None:
    """Of nbgrader's plugin with ``penalty_method = "zero"``."""
    return score


@pytest.fixture(autouse=True)
def _no_alembic(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new gradebook notes its version, which a command of half a second tells."""
    monkeypatch.setattr(api, "get_alembic_version", lambda: "0")


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes the URL of one empty database after another."""
    if request.param == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("new_postgres_url")
        return lambda: make().replace("postgresql://", "postgresql+psycopg://")
    numbers = itertools.count()
    return lambda: f"sqlite:///{tmp_path / f'gradebook {next(numbers)}.db'}"


def release(url: str) -> None:
    """An assignment of two notebooks in an empty gradebook, and a student who is known already."""
    with api.Gradebook(url) as gradebook:
        gradebook.add_assignment(A, duedate=DUE)
        gradebook.add_student("known", first_name="K")
        for name in ("one", "two"):
            gradebook.add_notebook(name, A)
            for cell, points, solution in (("check", 2.0, False), ("part", 3.0, False), ("essay", 4.0, True)):
                kind = "markdown" if solution else "code"
                gradebook.add_source_cell(cell, name, A, cell_type=kind, locked=not solution, source=cell)
                gradebook.add_grade_cell(cell, name, A, max_score=points, cell_type=kind)
            gradebook.add_solution_cell("essay", name, A)
            gradebook.add_source_cell("answer", name, A, cell_type="code", source="pass", locked=False)
            gradebook.add_solution_cell("answer", name, A)
            gradebook.add_source_cell("task", name, A, cell_type="markdown", source="Do it.", locked=True)
            gradebook.add_task_cell("task", name, A, max_score=1.0, cell_type="markdown")


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    url = new_url()
    release(url)
    return url


@pytest.fixture
def gradebook(url: str) -> Iterator[ClassGradebook]:
    with ClassGradebook(url, "") as opened:
        yield opened


def graded(part: float, *, untouched: bool = False, error: bool = False) -> Any:
    """A notebook whose tests have run."""
    failed = [new_output("error", ename="E", evalue="", traceback=[])]
    some = [new_output("execute_result", {"text/plain": str(part)}, execution_count=1)]
    cells = [
        cell("check", failed if error else [], grade=True, locked=True, points=2),
        cell("part", some, grade=True, locked=True, points=3),
        cell("essay", None, grade=True, solution=True, points=4),
        cell("answer", [], solution=True),
        cell("task", None, task=True, locked=True, points=1),
    ]
    if untouched:
        for each in cells:
            each.metadata.nbgrader["checksum"] = compute_checksum(each)
    return new_notebook(cells=cells)


def cell(name: str, outputs: list[Any] | None, **noted: Any) -> Any:
    kinds = {"grade": False, "solution": False, "locked": False, "task": False}
    metadata = {"nbgrader": {"grade_id": name, "schema_version": 3, "checksum": "c", **kinds, **noted}}
    if outputs is None:
        return new_markdown_cell(name, metadata=metadata)
    return new_code_cell(name, metadata=metadata, outputs=outputs)


def by_nbgrader(url: str, student: str, timestamp: datetime | None, notebooks: dict[str, Any]) -> None:
    """What ``nbgrader autograde`` does in its gradebook, by its own classes."""
    with api.Gradebook(url) as gradebook:
        gradebook.update_or_create_student(student)
        found = gradebook.update_or_create_submission(A, student, **({"timestamp": timestamp} if timestamp else {}))
        for notebook in found.notebooks:
            if notebook.name not in notebooks:
                for grade in notebook.grades:
                    grade.auto_score, grade.needs_manual_grade = 0, False
        gradebook.db.commit()
    config = Config()
    config.LateSubmissionPlugin.penalty_method = "zero"
    for name, notebook in notebooks.items():
        told = {"nbgrader": {"student": student, "assignment": A, "notebook": name, "db_url": url}}
        for step in (SaveAutoGrades, AssignLatePenalties):
            step(config=config).preprocess(notebook, told)


def by_us(url: str, student: str, timestamp: datetime | None, notebooks: dict[str, Any]) -> None:
    with ClassGradebook(url, "") as gradebook:
        released = gradebook.assignment(A)
        marks: dict[str, NotebookMarks | None] = dict.fromkeys(released.notebooks)
        marks |= {name: read_marks(notebook) for name, notebook in notebooks.items()}
        gradebook.record(released, student, timestamp, marks, nbgraders_zero)


Write = Callable[[str, str, datetime | None, dict[str, Any]], None]


def in_a_term(url: str, write: Write) -> list[tuple[Any, ...]]:
    """What a gradebook holds after all that happens to students, written by one of the two above."""
    release(url)
    write(url, "known", IN_TIME, {"one": graded(1.5), "two": graded(3.0, error=True)})
    write(url, "new", LATE, {"one": graded(0.5)})
    write(url, "untimed", None, {"one": graded(0.5, untouched=True), "two": graded(0.0)})
    write(url, "extended", LATE, {"one": graded(1.0), "two": graded(1.0)})
    with api.Gradebook(url) as gradebook:
        gradebook.grant_extension(A, "extended", hours=40)
        found = gradebook.find_submission_notebook("one", A, "known")
        for grade in found.grades:
            if grade.name in ("check", "essay"):
                grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.25, 0.5, False
        for comment in found.comments:
            comment.manual_comment = "By hand."
        found.flagged = True
        gradebook.db.commit()
    write(url, "known", LATE, {"one": graded(2.0), "two": graded(2.0)})
    write(url, "extended", None, {"one": graded(3.0, untouched=True), "two": graded(1.0)})
    write(url, "untimed", IN_TIME, {"two": graded(1.0)})
    return gradebook_rows(url)


@pytest.mark.filterwarnings("ignore:Object of type")  # nbgrader's own, on its way of making a submission
def test_rows_are_those_that_nbgraders_own_steps_write(new_url: Callable[[], str]) -> None:
    theirs = in_a_term(new_url(), by_nbgrader)
    assert in_a_term(new_url(), by_us) == theirs
    assert len(theirs) == 4 * 2 * (1 + 4 + 3) + 4, "a submission's notebooks, their marks and comments; students"


# A submission is written whole or not at all --------------------------------------------------------------------------


def test_a_submission_that_cannot_be_written_leaves_nothing(url: str, gradebook: ClassGradebook) -> None:
    released = gradebook.assignment(A)
    before = gradebook_rows(url)
    marks = {"one": NotebookMarks({"check": 2.0}, {}), "two": NotebookMarks({"unknown": 1.0}, {})}
    with pytest.raises(KeyError):
        gradebook.record(released, "new", IN_TIME, marks, no_penalty)
    assert gradebook_rows(url) == before
    gradebook.record(released, "new", IN_TIME, {"one": NotebookMarks({"check": 2.0}, {})}, no_penalty)
    assert ("new", "check", 2.0, None, None, False) in gradebook_rows(url)


@pytest.mark.parametrize(("told", "lost"), [(1.0, 1.0), (100.0, 3.5), (-5.0, 0.0), (None, None)])
def test_a_penalty_is_asked_for_once_per_notebook_and_kept_within_its_marks(
    url: str, gradebook: ClassGradebook, told: float | None, lost: float | None
) -> None:
    asked = []

    def penalty(*arguments: Any) -> float | None:
        asked.append(arguments)
        return told

    marks = read_marks(graded(1.5))
    gradebook.record(gradebook.assignment(A), "new", LATE, {"one": marks, "two": None}, penalty)
    assert asked == [("new", 3.5, 30 * 3600.0)]
    assert [row[2] for row in gradebook_rows(url) if row[:2] == ("new", "one")] == [lost]


def test_a_cell_that_was_released_later_gets_its_rows(url: str) -> None:
    by_us(url, "new", IN_TIME, {"one": graded(1.0), "two": graded(1.0)})
    with api.Gradebook(url) as gradebook:
        gradebook.add_source_cell("later", "one", A, cell_type="code", source="1", locked=True)
        gradebook.add_grade_cell("later", "one", A, max_score=1.0, cell_type="code")
    notebook = graded(1.0)
    notebook.cells.append(cell("later", [], grade=True, locked=True, points=1))
    by_us(url, "new", IN_TIME, {"one": notebook, "two": graded(1.0)})
    assert ("new", "later", 1.0, None, None, False) in gradebook_rows(url)


def test_what_was_released_is_read_once(gradebook: ClassGradebook) -> None:
    released = gradebook.assignment(A)
    assert (released.name, released.duedate, list(released.notebooks)) == (A, DUE, ["one", "two"])
    one = released.notebooks["one"]
    assert set(one.grade_cells) == {"check", "part", "essay", "task"}
    assert set(one.comment_cells) == {"essay", "answer", "task"}
    assert [name for name, each in one.cells.items() if each.is_check] == ["check", "part"]


# Refused --------------------------------------------------------------------------------------------------------------


def test_an_assignment_that_was_not_released(gradebook: ClassGradebook) -> None:
    with pytest.raises(UsageError, match="no assignment ps2") as caught:
        gradebook.assignment("ps2")
    assert caught.value.remedy == "run: nbgrader generate_assignment ps2"


@pytest.mark.parametrize("url", ["sqlite:////nowhere/g.db", "postgresql+psycopg://u:secret@/g?host=/nowhere", "odd"])
def test_a_database_that_is_none(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        ClassGradebook(url, "")
    assert "secret" not in f"{caught.value} {caught.value.where}"
    assert caught.value.remedy


def test_a_new_gradebook_where_alembic_is_not_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> str:
        raise FileNotFoundError(2, "No such file or directory", "alembic")

    monkeypatch.setattr(api, "get_alembic_version", missing)
    with pytest.raises(StoreError, match="alembic"):
        ClassGradebook(f"sqlite:///{tmp_path / 'new.db'}", "")
