"""Percent-format script → notebook, without outputs and with cell ids that other cells' changes do not disturb."""

# jupytext and nbformat have no annotations.
# mypy: disable-error-code="import-untyped, no-untyped-call"
from __future__ import annotations

import contextlib
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from grader.errors import TaskError

KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
KEPT_CELL_METADATA = ("tags",)  # the only cell metadata that an author can mean; the rest is jupytext's bookkeeping

# jupytext's own header: where the script came from. The notebook has the one kernelspec above instead.
_HEADER = re.compile(r"\A\s*# ---\n(#.*\n)*?# ---\n\n*")


def make_notebook(script: str, name: str) -> str:
    """Return the notebook's JSON text (nbformat 4.5): the script's cells, never run.

    A cell's id derives from the assignment, the cell's kind and text, and how many equal cells stand before it: it
    stays when cells are added, removed or changed elsewhere, so a student's copy and a new version can be compared.

    :param script: percent-format script.
    :param name: the assignment's name.
    :raises TaskError: a cell's options do not fit the notebook format.
    """
    with valid(name):
        return notebook_text(notebook_cells(script, name))


@contextlib.contextmanager
def valid(name: str) -> Iterator[None]:
    """Cells and notebooks are made in here.

    :raises TaskError: one of them does not fit the notebook format.
    """
    import nbformat

    try:
        yield
    except nbformat.ValidationError as error:
        raise TaskError(
            f"the notebook would be invalid: {str(error).splitlines()[0]}",
            where=f"{name}.py",
            remedy='correct the options of its cells, e.g. # %% tags=["given"]',
        ) from error


def notebook_cells(script: str, name: str) -> list[Any]:
    """The script's cells as nodes of nbformat; making one validates it."""
    import jupytext
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

    new_cell = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
    seen: Counter[tuple[str, str]] = Counter()
    cells = []
    for cell in jupytext.reads(_HEADER.sub("", script), fmt="py:percent").cells:
        kind = (cell.cell_type, cell.source)
        place = str(seen[kind])
        seen[kind] += 1
        cells.append(
            new_cell[cell.cell_type](
                cell.source,
                id=cell_id(name, *kind, place),
                metadata={key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata},
            )
        )
    return cells


def cell_id(*identity: str) -> str:
    """A cell's id: twelve hex digits of the SHA-256 of what makes the cell itself."""
    return hashlib.sha256("\0".join(identity).encode()).hexdigest()[:12]


def notebook_text(cells: list[Any]) -> str:
    """The JSON text of a notebook of these cells; making it validates the whole."""
    import nbformat
    from nbformat.v4 import new_notebook

    metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    text: str = nbformat.writes(new_notebook(cells=cells, metadata=metadata), version=nbformat.NO_CONVERT)
    return text.rstrip("\n") + "\n"


def code_cells(text: str) -> str:
    """The sources of a notebook's code cells, one after the other: what decides whether a student has changed it."""
    import nbformat

    notebook = nbformat.reads(text, as_version=4)
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
