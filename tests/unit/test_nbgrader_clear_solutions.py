"""Solutions are cleared as `grader generate` does it, and where a source has nothing of ours, as nbgrader does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.course import load_course
from grader.errors import MarkerError
from grader.generation import make_stub
from grader.generation.notebook import code_cells, make_notebook
from grader.nbgrader_plugin.cells import has_notebook
from grader.nbgrader_plugin.source_notebook import make_source

pytest.importorskip("nbgrader")

from grader.nbgrader_plugin.clear_solutions import ClearSolutions

ROOT = Path(__file__).parents[2]
ORDINARY = [each for each in load_course(ROOT).assignments if has_notebook(each)]


def cleared(source: str, kind: str = "code", **nbgrader: Any) -> str:
    new_cell = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
    metadata = {"nbgrader": {"solution": True, "grade": False, "grade_id": "x", **nbgrader}}
    notebook = nbformat.v4.new_notebook(cells=[new_cell(source, metadata=metadata)])
    (cell,) = ClearSolutions().preprocess(notebook, {})[0].cells
    text: str = cell.source
    return text


@pytest.mark.parametrize("assignment", ORDINARY, ids=lambda each: each.name)
def test_the_released_code_is_that_of_generate(assignment: Any) -> None:
    notebook = nbformat.reads(make_source(assignment).notebook, as_version=4)
    released, _ = ClearSolutions().preprocess(notebook, {})
    released.cells = [cell for cell in released.cells if not cell.metadata.get("nbgrader", {}).get("grade")]
    stub = make_stub(assignment.solution.read_text(encoding="utf-8"), assignment.solution)
    assert code_cells(nbformat.writes(released)) == code_cells(make_notebook(stub, assignment.name))


def test_stub_lines_take_the_regions_place() -> None:
    stub = "    ### STUB: y = None\n    ### STUB:\n"
    source = f"if x:\n    ### BEGIN SOLUTION\n{stub}    y = 1\n    ### END SOLUTION\nz = 2"
    assert cleared(source) == "if x:\n    y = None\n\nz = 2"


def test_a_function_says_its_name() -> None:
    source = "def f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
    assert cleared(source) == (
        'def f(x):\n    raise NotImplementedError("f is not written yet: replace this line by your code")'
    )


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [
        ("### BEGIN SOLUTION\n!ls\n### END SOLUTION", "code", "# YOUR CODE HERE\nraise NotImplementedError()"),
        ("# BEGIN SOLUTION\nx = 1\n# END SOLUTION", "code", "# YOUR CODE HERE\nraise NotImplementedError()"),
        ("x = 1", "code", "# YOUR CODE HERE\nraise NotImplementedError()"),
        ("Because.", "markdown", "YOUR ANSWER HERE"),
        ("### BEGIN SOLUTION\nBecause.\n### END SOLUTION\nAnd?", "markdown", "YOUR ANSWER HERE\nAnd?"),
    ],
)
def test_an_instructors_own_cells_are_cleared_as_nbgrader_does_it(source: str, kind: str, expected: str) -> None:
    assert cleared(source, kind).replace("### YOUR", "YOUR") == expected


def test_a_misspelt_marker_is_refused_with_its_cell() -> None:
    with pytest.raises(MarkerError, match="cell x:3"):
        cleared("### BEGIN SOLUTION\nx = 1\n### END SOLUTIONS")
