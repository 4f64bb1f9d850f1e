"""Solution source and suites → the instructor's notebook of an nbgrader assignment, and how it is released."""

# nbformat has no annotations.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.course import read_suites
from grader.course.table import read_text
from grader.generation.lint import refuse_leaks
from grader.generation.markers import BEGIN
from grader.generation.notebook import cell_id, code_cells, make_notebook, notebook_cells, notebook_text, valid
from grader.generation.stub import make_stub
from grader.generation.visible import CHECK, HIDDEN, make_visible_suite
from grader.model import Assignment, TestSpec
from grader.nbgrader_plugin.cells import SCHEMA_VERSION, grade_id

HEADING = """\
## Checks

Each cell below is one check of your work and says how many points it is worth. **Validate**, in the toolbar, runs
your notebook from top to bottom and tells which checks fail; you can also run one cell alone. A hidden check only says
so: it is run when your work is graded, on data that you have not seen. Change nothing here; your own cells belong
above."""

_UNUSUAL = re.compile(r"[^A-Za-z0-9_-]+")  # what JupyterLab's assignment editor takes for an invalid id


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """What lies in source/<a>/, as texts."""

    notebook: str  # JSON, for <a>.ipynb
    visible: str  # for test_visible.py


def make_source(assignment: Assignment) -> SourceFiles:
    """Make an assignment's source folder; the same sources give the same bytes.

    Students receive the notebook without its solutions, and test_visible.py as it is.

    :raises TaskError: markers, suites or points are invalid, or a hidden test or a solution would leak.
    """
    name = assignment.name
    specs = read_suites(assignment)
    remedy = "mend the assignment's sources"
    source = read_text(assignment.solution, remedy=remedy)
    stub = make_stub(source, assignment.solution)
    visible = read_text(assignment.visible_suite, remedy=remedy)
    handed_out = code_cells(make_notebook(stub, name))
    with valid(name):
        checks = list(_check_cells(name, specs, visible))
        solved = notebook_text([*_work_cells(name, source, stub, specs), *checks])
        released = notebook_text([*notebook_cells(stub, name), *checks])
    suite = make_visible_suite(visible, assignment.visible_suite, name, stub, handed_out)
    folder = Path("source", name)
    refuse_leaks(assignment, {folder / f"{name}.ipynb": released, folder / "test_visible.py": suite})
    refuse_leaks(assignment, {folder / f"{name}.ipynb": solved}, solved=True)
    return SourceFiles(solved, suite)


def _work_cells(name: str, source: str, stub: str, specs: Sequence[TestSpec]) -> Iterator[Any]:
    """The cells of the script. Their ids are those of the students' notebook: a better solution changes none."""
    taken = {grade_id(name, spec) for spec in specs}
    for cell, handed_out in zip(notebook_cells(source, name), notebook_cells(stub, name), strict=True):
        cell["id"] = handed_out["id"]
        if cell["cell_type"] == "code" and BEGIN in cell["source"]:
            named = _unique(_first_name(handed_out["source"]), taken)
            cell["metadata"]["nbgrader"] = _metadata(named, solution=True)
        yield cell


def _check_cells(name: str, specs: Sequence[TestSpec], visible: str) -> Iterator[Any]:
    """The heading, and one locked cell for each scored test in the suite's order."""
    from nbformat.v4 import new_code_cell, new_markdown_cell

    yield new_markdown_cell(HEADING, id=cell_id(name, "checks"))
    for spec in specs:
        named = grade_id(name, spec)
        head = f"# {spec.title} ({_points(spec.points)})\n"
        # A hidden check has code, which raises in nbgrader's own autograding: a cell without an output has full marks.
        text = _visible_check(spec.name, visible) if spec.visible else f"import test_visible\n\ntest_visible.{HIDDEN}()"
        metadata = {"nbgrader": _metadata(named, points=spec.points)}
        yield new_code_cell(head + text, id=cell_id(name, "check", named), metadata=metadata)


def _metadata(named: str, *, solution: bool = False, points: float | None = None) -> dict[str, Any]:
    """nbgrader's, of a solution cell or of a locked grade cell."""
    kind = {"grade": not solution, "solution": solution, "locked": not solution, "task": False}
    marks = {} if points is None else {"points": int(points) if points.is_integer() else points}
    return {"schema_version": SCHEMA_VERSION, "grade_id": named, **kind, **marks}


def _points(points: float) -> str:
    return f"{points:.10g} {'point' if points == 1 else 'points'}"


def _first_name(cell: str) -> str:
    """The first function, class or other name that a cell's code defines."""
    names = {"Function": "", "Assign": ""}
    for node in ast.parse(cell).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names["Function"] = names["Function"] or node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            names["Assign"] = names["Assign"] or next((n.id for n in ast.walk(target) if isinstance(n, ast.Name)), "")
    return names["Function"] or names["Assign"] or "solution"


def _unique(name: str, taken: set[str]) -> str:
    """The name as an id that none of the others has, which it then is."""
    name = _UNUSUAL.sub("_", name)
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    taken.add(unique)
    return unique


def _visible_check(name: str, visible: str) -> str:
    """A visible test as code of a cell: the test as it stands in the suite, to be run on the notebook around it.

    Its marks and defaults stay behind in test_visible.py, which :data:`CHECK` takes them from: the notebook may not
    have what they name.
    """
    function = next(
        node for node in ast.parse(visible).body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    body = "\n".join(_body(function, visible))
    head = f"def {name}({', '.join(argument.arg for argument in arguments)}):"
    return f"import test_visible\n\n@test_visible.{CHECK}(globals())\n{head}\n{body}"


def _body(function: ast.FunctionDef, text: str) -> Iterator[str]:
    """The lines of a function behind its head, comments included."""
    lines = text.splitlines()[function.lineno - 1 : function.end_lineno]
    row, column = _end_of_head("\n".join(lines))
    first = lines[row - 1][column:].strip()
    if first and not first.startswith("#"):  # def test_x(submission): assert …
        yield f"    {first}"
    yield from lines[row:]


def _end_of_head(text: str) -> tuple[int, int]:
    """Line, from 1, and column behind the colon that ends a ``def``'s head."""
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(text + "\n").readline):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and depth == 0:
                return token.end
    raise AssertionError("ast has found a function here")
