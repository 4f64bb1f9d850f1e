"""A submission's cells are put in order by what was released, whatever they say of themselves."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.nbgrader_plugin.gradebook_cells import ReleasedCell
from grader.nbgrader_plugin.restore import restore_cells

RELEASED = {
    "answer": ReleasedCell("answer", "code", "raise NotImplementedError", "c1", locked=False, solution=True),
    "given": ReleasedCell("given", "code", "import numpy", "c2", locked=True),
    "check": ReleasedCell("check", "code", "assert f()", "c3", locked=True, grade=True, points=2.0),
    "essay": ReleasedCell("essay", "markdown", "Why?", "c4", locked=False, grade=True, solution=True, points=3.0),
    "task": ReleasedCell("task", "markdown", "Do it.", "c5", locked=True, task=True, points=1.0),
}


def cell(name: Any, source: str, *, markdown: bool = False, **noted: Any) -> Any:
    make = new_markdown_cell if markdown else new_code_cell
    return make(source, metadata={"nbgrader": {"grade_id": name, **noted}})


def handed_in() -> list[Any]:
    return [
        cell("answer", "def f(): return 1"),
        cell("given", "import numpy"),
        cell("check", "assert f()"),
        cell("essay", "Because.", markdown=True),
        cell("task", "Do it.", markdown=True),
    ]


def restored(*cells: Any, missing: bool = True) -> tuple[Any, list[str]]:
    notebook = new_notebook(cells=list(cells))
    remarks = restore_cells(notebook, RELEASED, missing=missing)
    nbformat.validate(notebook)
    return notebook, remarks


def names(notebook: Any) -> list[str | None]:
    return [each.metadata.get("nbgrader", {}).get("grade_id") for each in notebook.cells]


def test_a_notebook_in_order_gets_the_released_metadata_alone() -> None:
    notebook, remarks = restored(*handed_in(), new_code_cell("mine = 1"))
    assert remarks == []
    assert [each.source for each in notebook.cells] == [
        "def f(): return 1", "import numpy", "assert f()", "Because.", "Do it.", "mine = 1",
    ]  # fmt: skip
    assert notebook.cells[2].metadata.nbgrader == {
        "schema_version": 3, "grade": True, "grade_id": "check", "locked": True, "solution": False, "task": False,
        "cell_type": "code", "checksum": "c3", "points": 2.0,
    }  # fmt: skip
    assert names(notebook)[5] is None


@pytest.mark.parametrize(
    "noted",
    ["x", None, 7, [], {}, {"grade_id": None}, {"grade_id": ["check"]}, {"grade_id": "unknown", "points": 1000}],
)
def test_metadata_that_other_tools_have_mangled_make_an_ordinary_cell(noted: Any) -> None:
    cells = handed_in()
    cells[2].metadata["nbgrader"] = noted
    notebook, remarks = restored(*cells)
    assert remarks == ["check had been deleted."]
    assert names(notebook) == ["answer", "given", None, "essay", "task", "check"]


def test_a_cells_own_word_for_what_it_is_does_not_count() -> None:
    cells = handed_in()
    cells[0].metadata.nbgrader.update(grade=True, points=1000, locked=True)
    cells[2].metadata.nbgrader.update(grade=False, solution=True, locked=False, points=0, schema_version=99)
    notebook, remarks = restored(*cells)
    assert remarks == []
    assert notebook.cells[0].metadata.nbgrader == RELEASED["answer"].metadata()
    assert notebook.cells[2].metadata.nbgrader == RELEASED["check"].metadata()


def test_locked_cells_are_as_they_were_and_answers_stay() -> None:
    cells = handed_in()
    cells[1].source, cells[2].source, cells[4].source = "numpy = None", "100", "Do less."
    notebook, remarks = restored(*cells)
    assert remarks == [f"{name} had been edited." for name in ("given", "check", "task")]
    assert [each.source for each in notebook.cells[:3]] == ["def f(): return 1", "import numpy", "assert f()"]
    assert notebook.cells[4].source == "Do it."


def test_of_copies_the_last_one_counts() -> None:
    first, last = cell("answer", "def f(): return 0"), cell("answer", "def f(): return 1")
    notebook, remarks = restored(cell("check", "1"), first, *handed_in()[1:], last)
    assert remarks == [
        "check was there more than once; the last one counts.", "answer was there more than once; the last one counts.",
    ]  # fmt: skip
    assert names(notebook) == [None, None, "given", "check", "essay", "task", "answer"]
    assert notebook.cells[1].source == "def f(): return 0"


def test_what_was_deleted_comes_back_where_it_has_points() -> None:
    notebook, remarks = restored(new_code_cell("mine = 1"))
    assert sorted(remarks) == [f"{name} had been deleted." for name in ("check", "essay", "task")]
    assert names(notebook) == [None, "check", "essay", "task"]
    again, _ = restored(new_code_cell("mine = 1"))
    assert [each.id for each in again.cells[1:]] == [each.id for each in notebook.cells[1:]]
    notebook, remarks = restored(new_code_cell("mine = 1"), missing=False)
    assert (names(notebook), remarks) == ([None], [])


def test_a_cell_whose_kind_was_changed() -> None:
    cells = handed_in()
    cells[0] = cell("answer", "def f(): return 1", markdown=True)
    cells[0].attachments = {"a.png": {"image/png": "AA=="}}
    cells[3] = cell("essay", "Because.")
    notebook, remarks = restored(*cells)
    assert remarks == ["answer had become a markdown cell.", "essay had become a code cell."]
    assert [each.cell_type for each in notebook.cells] == ["code", "code", "code", "markdown", "markdown"]
    assert notebook.cells[0].source == "def f(): return 1"
    assert "attachments" not in notebook.cells[0]
    assert "outputs" not in notebook.cells[3]


@pytest.mark.parametrize("name", ["part 1.a", "é", "x" * 100])
@pytest.mark.parametrize("minor", [4, 5])
def test_any_grade_id_makes_a_valid_cell(name: str, minor: int) -> None:
    notebook = new_notebook(cells=[])
    notebook.nbformat_minor = minor
    restore_cells(notebook, {name: ReleasedCell(name, "code", "1", "c", locked=True, grade=True, points=1.0)})
    nbformat.validate(notebook)
    assert names(notebook) == [name]
    assert ("id" in notebook.cells[0]) == (minor == 5)
