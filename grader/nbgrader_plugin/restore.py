"""Put a submission's cells in order: what nbgrader watches over is again as it was released, whatever became of it.

In place of nbgrader's DeduplicateIds and OverwriteCells, which leave a deleted test cell without a mark, give up on
metadata that other tools have mangled, and trust a cell's own word for what it is.
"""

# nbgrader, nbconvert and nbformat have no annotations.
# mypy: disable-error-code="import-untyped, misc, no-untyped-call"
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.generation.notebook import cell_id
from grader.nbgrader_plugin.gradebook_cells import ReleasedCell, read_cells


def restore_cells(notebook: Any, released: Mapping[str, ReleasedCell], *, missing: bool = True) -> list[str]:
    """Restore the cells of a notebook in place; return a remark for each cell that had been changed.

    A cell keeps its place. Of several copies of one cell the last counts, as in nbgrader; the others are ordinary
    cells. Test cells, tasks and answers that are graded by hand come back at the end where they were deleted.

    :param notebook: NotebookNode, format 4.
    :param missing: whether deleted cells come back; an ordinary nbgrader leaves them for somebody to look at.
    """
    remarks = []
    seen = set()
    for cell in reversed(notebook.cells):
        noted = cell.metadata.pop("nbgrader", None)
        name = noted.get("grade_id") if isinstance(noted, dict) else None
        known = released.get(name) if isinstance(name, str) else None
        if known is None:
            continue
        if known.name in seen:
            remarks.append(f"{known.name} was there more than once; the last one counts.")
            continue
        seen.add(known.name)
        if cell.cell_type != known.cell_type:
            remarks.append(f"{known.name} had become a {cell.cell_type} cell.")
            _retype(cell, known.cell_type)
        if known.locked and cell.source != known.source:
            remarks.append(f"{known.name} had been edited.")
            cell.source = known.source
        cell.metadata["nbgrader"] = known.metadata()
    for name, known in released.items():
        if missing and name not in seen and (known.grade or known.task):
            remarks.append(f"{name} had been deleted.")
            notebook.cells.append(new_cell(known, with_id=notebook.nbformat_minor >= 5))
    return remarks[::-1]


def new_cell(known: ReleasedCell, *, with_id: bool) -> Any:
    """A released cell anew.

    :param with_id: cells have ids from notebook format 4.5 on.
    """
    make = new_code_cell if known.cell_type == "code" else new_markdown_cell
    # The id must not vary: two gradings of one submission are compared. A grade_id may hold what a cell's id may not.
    cell = make(known.source, id=cell_id("restored", known.name), metadata={"nbgrader": known.metadata()})
    if not with_id:
        del cell["id"]
    return cell


def _retype(cell: Any, cell_type: str) -> None:
    cell.cell_type = cell_type
    if cell_type == "code":
        cell.outputs = []
        cell.execution_count = None
        cell.pop("attachments", None)
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


class RestoreCells(NbGraderPreprocessor):
    """nbgrader's step of it; it stands in ``Autograde.sanitize_preprocessors``."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        names = resources["nbgrader"]
        with Gradebook(names["db_url"]) as gradebook:
            released = read_cells(gradebook.find_notebook(names["notebook"], names["assignment"]))
        for remark in restore_cells(nb, released):
            self.log.warning("%s/%s: %s", names["student"], names["notebook"], remark)
        return nb, resources
