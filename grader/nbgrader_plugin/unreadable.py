"""Reading a submitted notebook: one that cannot be read becomes a page that says so, not the end of the class."""

# nbconvert and nbformat have no annotations.
# mypy: disable-error-code="import-untyped, misc, no-untyped-call"
from __future__ import annotations

import json
import re
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
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # of notebook format 4.5
# Widgets' state, the deepest that tools write, has ten levels; nbformat copies by recursion.
MAX_DEPTH = 50


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
        for cell in document["cells"]:
            cell.pop("id", None)  # drawn at random
    # Cells of older minor versions have no ids; they get none, so that a second grading gives the same bytes.
    minor = document.get("nbformat_minor")
    minor = minor if type(minor) is int and 0 <= minor <= 5 else 4
    seen: set[str] = set()
    cells = [_cell(cell, place, seen, minor) for place, cell in enumerate(document["cells"])]
    notebook = _notebook(minor, cells, _table(document.get("metadata")))
    if not _is_valid(notebook):  # parts that no tool should have written
        alone = {key: _notebook(minor, [], {key: value}) for key, value in notebook.metadata.items()}
        metadata = {key: each.metadata[key] for key, each in alone.items() if _is_valid(each)}
        notebook = _notebook(minor, [_valid_cell(cell, minor) for cell in cells], metadata)
    return notebook


def _notebook(minor: int, cells: list[dict[str, Any]], metadata: dict[str, Any]) -> Any:
    return nbformat.from_dict({"nbformat": 4, "nbformat_minor": minor, "metadata": metadata, "cells": cells})


def _is_valid(notebook: Any) -> bool:
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError:
        return False
    return True


def _cell(told: dict[str, Any], place: int, seen: set[str], minor: int) -> dict[str, Any]:
    kind = told["cell_type"] if told["cell_type"] in CELL_TYPES else "raw"
    cell: dict[str, Any] = {
        "cell_type": kind,
        "metadata": _table(told.get("metadata")),
        "source": _source(told.get("source")),
    }
    if kind == "code":
        outputs = plain(told.get("outputs"))
        count = told.get("execution_count")
        cell["outputs"] = outputs if isinstance(outputs, list) else []
        cell["execution_count"] = count if type(count) is int else None
    elif "attachments" in told:
        cell["attachments"] = _table(told["attachments"])
    if minor >= 5:
        identity = told.get("id")
        if not isinstance(identity, str) or not CELL_ID.fullmatch(identity) or identity in seen:  # copied with its cell
            identity = f"cell-{place + 1}"
        seen.add(identity)
        cell["id"] = identity
    return cell


def _valid_cell(cell: dict[str, Any], minor: int) -> dict[str, Any]:
    """The cell, without what is malformed beside its source."""
    if _is_valid(_notebook(minor, [cell], {})):
        return cell
    kept = {key: value for key, value in cell["metadata"].items() if key == "nbgrader"}
    bare = {key: value for key, value in cell.items() if key != "attachments"} | {"metadata": kept}
    return bare | ({"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {})


def _source(told: Any) -> str:
    lines = told if isinstance(told, list) else [told]
    return _text("".join(line for line in lines if isinstance(line, str)))


def _table(told: Any) -> dict[str, Any]:
    found = plain(told)
    return found if isinstance(found, dict) else {}


def plain(told: Any, depth: int = 0) -> Any:
    """A JSON value that can be copied and written: of bounded depth, all text fit for a file."""
    if isinstance(told, str):
        return _text(told)
    if isinstance(told, (dict, list)) and depth >= MAX_DEPTH:
        return None
    if isinstance(told, dict):
        return {_text(key): plain(value, depth + 1) for key, value in told.items()}
    if isinstance(told, list):
        return [plain(value, depth + 1) for value in told]
    return told


def _text(told: str) -> str:
    return told.encode("utf-8", "replace").decode("utf-8")  # half of a surrogate pair is no text


def problem_of(path: Path) -> str:
    """Why a file is not opened, for the student; empty for a regular file. The words of ``grader grade``."""
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return ""
    kind = "a symbolic link" if stat.S_ISLNK(mode) else "a fifo, socket or device"
    return f"{path.name} is {kind}; hand in the file itself."


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
        problem = problem_of(path)
        if not problem:
            return super().from_filename(filename, resources=resources, **keywords)
        told = self._init_resources(resources)
        told["metadata"] = {"name": path.stem, "path": str(path.parent)}
        return self.from_notebook_node(unreadable_page(problem), resources=told, **keywords)

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
