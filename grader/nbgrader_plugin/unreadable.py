"""Reading a submitted notebook: one that cannot be read becomes a page that says so, not the end of the class."""

# nbconvert and nbformat have no annotations.
# mypy: disable-error-code="import-untyped, misc, no-untyped-call"
from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import nbconvert.exporters
import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook

from grader.errors import UnreadableSubmission
from grader.grading.intake import parse_notebook

TITLE = "### This notebook could not be read"
CELL_TYPES = ("code", "markdown", "raw")


def read_notebook(name: str, data: bytes) -> Any:
    """A submitted notebook as a valid NotebookNode of format 4, its cells in their places.

    What is malformed in it is left out, cell by cell, as long as its code can be read.

    :param name: the file's name.
    :raises UnreadableSubmission: it is no notebook, by the rules of ``grader grade``.
    """
    parse_notebook(name, data)
    document = json.loads(data.decode("utf-8-sig"))
    if document["nbformat"] < 4:
        document = nbformat.convert(nbformat.from_dict(document), 4)
    metadata = document.get("metadata")
    notebook = new_notebook(metadata=metadata if isinstance(metadata, dict) else {})
    # Cells of older minor versions have no ids; they get none, so that a second grading gives the same bytes.
    minor = document.get("nbformat_minor")
    notebook.nbformat_minor = minor if isinstance(minor, int) and 0 <= minor <= 5 else 4
    seen: set[str] = set()
    notebook.cells = [_cell(cell, place, seen, notebook.nbformat_minor) for place, cell in enumerate(document["cells"])]
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError:  # outputs or a language_info that no tool should have written
        notebook.metadata.pop("language_info", None)
        notebook.metadata.pop("kernelspec", None)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = []
    return notebook


def _cell(told: dict[str, Any], place: int, seen: set[str], minor: int) -> Any:
    kind = told["cell_type"] if told["cell_type"] in CELL_TYPES else "raw"
    source = told["source"] if isinstance(told["source"], str) else "".join(told["source"])
    metadata = told.get("metadata")
    cell: dict[str, Any] = {
        "cell_type": kind,
        "metadata": metadata if isinstance(metadata, dict) else {},
        "source": source,
    }
    if kind == "code":
        outputs = told.get("outputs")
        count = told.get("execution_count")
        cell["outputs"] = outputs if isinstance(outputs, list) else []
        cell["execution_count"] = count if type(count) is int else None
    elif isinstance(told.get("attachments"), dict):
        cell["attachments"] = told["attachments"]
    if minor >= 5:
        identity = told.get("id")
        if not isinstance(identity, str) or not identity or identity in seen:  # a copied cell brings its id along
            identity = f"cell-{place + 1}"
        seen.add(identity)
        cell["id"] = identity
    return nbformat.from_dict(cell)


def unreadable_page(reason: str) -> Any:
    """What stands for a notebook that cannot be read; the released test cells are to be added to it.

    :param reason: for the student.
    """
    text = f"{TITLE}\n\n{reason} None of the checks below could run."
    notebook = new_notebook(cells=[new_markdown_cell(text, id="unreadable")])
    notebook.nbformat_minor = 5
    return notebook


class NotebookExporter(nbconvert.exporters.NotebookExporter):
    """nbconvert's exporter with a reader that no submission breaks; it stands in ``Autograde.exporter_class``."""

    def from_filename(self, filename: str, resources: Any = None, **keywords: Any) -> Any:
        """Read, convert and export; a link, a fifo and the like are not opened. See nbconvert."""
        path = Path(filename)
        if stat.S_ISREG(path.lstat().st_mode):
            return super().from_filename(filename, resources=resources, **keywords)
        told = self._init_resources(resources)
        told["metadata"] = {"name": path.stem, "path": str(path.parent)}
        page = unreadable_page(f"{path.name} is not a regular file; hand in the file itself.")
        return self.from_notebook_node(page, resources=told, **keywords)

    def from_file(self, file_stream: Any, resources: Any = None, **keywords: Any) -> Any:
        """Read, convert and export; see nbconvert."""
        if not getattr(self.parent, "_sanitizing", True):
            # What the first pass has written: it may be a page that says so, with tests and no code of a student's.
            return super().from_file(file_stream, resources=resources, **keywords)
        path = Path(file_stream.name)
        try:
            notebook = read_notebook(path.name, path.read_bytes())
        except UnreadableSubmission as error:
            self.log.warning("%s: %s", path, error.what)
            notebook = unreadable_page(error.what)
        return self.from_notebook_node(notebook, resources=resources, **keywords)
