"""Percent-format script → notebook, without outputs and with cell ids that other cells' changes do not disturb."""

# jupytext and nbformat have no annotations.
# mypy: disable-error-code="import-untyped, no-untyped-call"
from __future__ import annotations

import hashlib
import re
from collections import Counter
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
    import nbformat

    try:
        notebook = _notebook(script, name)
    except nbformat.ValidationError as error:
        raise TaskError(
            f"the notebook would be invalid: {str(error).splitlines()[0]}",
            where=f"{name}.py",
            remedy='correct the options of its cells, e.g. # %% tags=["given"]',
        ) from error
    text: str = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    return text.rstrip("\n") + "\n"


def _notebook(script: str, name: str) -> Any:
    """The NotebookNode; building it validates every cell and the whole."""
    import jupytext
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

    new_cell = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
    seen: Counter[tuple[str, str]] = Counter()
    cells = []
    for cell in jupytext.reads(_HEADER.sub("", script), fmt="py:percent").cells:
        kind = (cell.cell_type, cell.source)
        identity = "\0".join((name, *kind, str(seen[kind])))
        seen[kind] += 1
        cells.append(
            new_cell[cell.cell_type](
                cell.source,
                id=hashlib.sha256(identity.encode()).hexdigest()[:12],
                metadata={key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata},
            )
        )
    return new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC, "language_info": {"name": "python"}})


def code_cells(text: str) -> str:
    """The sources of a notebook's code cells, one after the other: what decides whether a student has changed it."""
    import nbformat

    notebook = nbformat.reads(text, as_version=4)
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
