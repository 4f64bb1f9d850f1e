"""The classroom's folder: files that lie there and files that would be written are merged, and a record is kept."""

# nbformat has no annotations.
# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from grader.course.table import read_text
from grader.errors import TaskError, UsageError
from grader.generation.notebook import cell_id
from grader.nbgrader_plugin.classroom import CONFIG, MARK
from grader.nbgrader_plugin.merge import Choice, Conflict, Known, merge_cells, merge_text
from grader.reports.write import write_file

RECORD = ".grader-nbgrader.json"  # in the classroom's folder: digests of what was written last
VERSION = 1
REMEDY = "make room, or make the folder writable"

Choose = Callable[[Path, Sequence[Conflict]], Choice]


class State(StrEnum):
    """What became of a file."""

    WROTE = "wrote"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT = "kept your edits"
    DELETED = "left deleted"


@dataclass(frozen=True, slots=True)
class Updated:
    """One file."""

    path: Path
    state: State
    unresolved: tuple[Conflict, ...] = ()  # kept as they are on the disk, until somebody chooses


@dataclass(slots=True)
class Record:
    """What was written last, by path relative to the classroom's folder."""

    course_id: str = ""  # what nbgrader calls the course; empty: made of its name

    texts: dict[str, str] = field(default_factory=dict)  # path → digest
    notebooks: dict[str, list[Known]] = field(default_factory=dict)  # path → cells

    @classmethod
    def read(cls, folder: Path) -> Record:
        """The record of a folder; an empty one where there is none.

        :raises ConfigError: it cannot be read.
        :raises TaskError: it is none of ours.
        """
        path = folder / RECORD
        if not path.exists():
            return cls()
        remedy = f"delete it: grader nbgrader init then asks about each cell that differs ({path})"
        try:
            values = json.loads(read_text(path, remedy=remedy))
            if values["version"] != VERSION:
                raise ValueError(values["version"])
            notebooks = {name: [Known(*cell) for cell in cells] for name, cells in values["notebooks"].items()}
            return cls(str(values["course_id"]), dict(values["texts"]), notebooks)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TaskError("this is no record of what was written", where=path, remedy=remedy) from error

    def write(self, folder: Path) -> None:
        """Keep it for the next time."""
        notebooks = {name: [astuple(cell) for cell in cells] for name, cells in sorted(self.notebooks.items())}
        texts = dict(sorted(self.texts.items()))
        values = {"version": VERSION, "course_id": self.course_id, "texts": texts, "notebooks": notebooks}
        write_file(folder / RECORD, json.dumps(values, indent=1) + "\n", remedy=REMEDY)


def was_deleted(folder: Path, record: Record, notebook: PurePosixPath) -> bool:
    """Whether an assignment's notebook was written once and is gone: its instructor does not want it."""
    return str(notebook) in record.notebooks and not (folder / notebook).exists()


def update_notebook(
    folder: Path, record: Record, name: PurePosixPath, text: str, required: Container[str], choose: Choose
) -> Updated:
    """Write a notebook, or bring the one that is there up to date.

    :param required: grade_ids of cells that come back when they were deleted.
    :raises UsageError: what is there is no notebook.
    :raises InfrastructureError: it cannot be written.
    """
    path = folder / name
    new = json.loads(text)["cells"]
    base = record.notebooks.get(str(name), [])
    if not path.exists():
        record.notebooks[str(name)] = list(merge_cells([], [], new).base)
        write_file(path, text, remedy=REMEDY)
        return Updated(path, State.WROTE)
    there = _read_notebook(path)
    merged = merge_cells(base, there["cells"], new, required=required)
    unresolved: tuple[Conflict, ...] = ()
    if merged.conflicts:
        choice = choose(path, merged.conflicts)
        merged = merge_cells(base, there["cells"], new, choice, required)
        unresolved = merged.conflicts if choice is Choice.LATER else ()
    record.notebooks[str(name)] = list(merged.base)
    if merged.changed:
        write_file(path, _with_cells(there, merged.cells), remedy=REMEDY)
        return Updated(path, State.UPDATED, unresolved)
    return Updated(path, State.KEPT if merged.edited else State.UNCHANGED, unresolved)


def update_text(folder: Path, record: Record, name: PurePosixPath, text: str, choose: Choose) -> Updated:
    """Write a text, or bring the one that is there up to date; of the configuration only what stands above the mark.

    :raises InfrastructureError: it cannot be written.
    """
    path = folder / name
    is_config = name == PurePosixPath(CONFIG)
    there = read_text(path, remedy="") if path.exists() else None
    if there is None:
        record.texts[str(name)] = merge_text("", text, text).base
        write_file(path, text, remedy=REMEDY)
        return Updated(path, State.WROTE)
    mine, below = _halves(there) if is_config else (there, "")
    base = record.texts.get(str(name), "")
    merged = merge_text(base, mine, text)
    unresolved: tuple[Conflict, ...] = ()
    if merged.conflicts:
        choice = choose(path, merged.conflicts)
        merged = merge_text(base, mine, text, choice)
        unresolved = merged.conflicts if choice is Choice.LATER else ()
        if choice is Choice.NEW and is_config and MARK not in there:
            below = f"\n{there}"  # the configuration of a course that nbgrader has had before: its settings are wanted
    if merged.base:
        record.texts[str(name)] = merged.base
    if merged.text + below != there:
        write_file(path, merged.text + below, remedy=REMEDY)
        return Updated(path, State.UPDATED, unresolved)
    return Updated(path, State.KEPT if merged.edited else State.UNCHANGED, unresolved)


def _halves(text: str) -> tuple[str, str]:
    """What stands above the mark, with it, and what stands below."""
    above, mark, below = text.partition(f"{MARK}\n")
    return (above + mark, below) if mark else (text, "")


def _read_notebook(path: Path) -> dict[str, Any]:
    try:
        notebook: dict[str, Any] = json.loads(read_text(path, remedy=""))
        good = notebook["nbformat"] == 4 and all(
            isinstance(cell["source"], (str, list)) and isinstance(cell["cell_type"], str) for cell in notebook["cells"]
        )
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise UsageError(
            "this is no notebook of format 4",
            where=path,
            remedy="mend it in JupyterLab, or move it away: it is then written anew, if you name it with --assignment",
        )
    return notebook


def _with_cells(notebook: dict[str, Any], cells: Sequence[Mapping[str, Any]]) -> str:
    """The text of a notebook with other cells, and all else as it was; each cell has an id, as ours have."""
    import nbformat

    numbered = [
        {**cell, "id": cell.get("id") or cell_id(str(number), str(cell["source"]))} for number, cell in enumerate(cells)
    ]
    minor = max(int(notebook.get("nbformat_minor", 0)), 5)  # the first that has ids
    node = nbformat.from_dict({**notebook, "nbformat_minor": minor, "cells": numbered})
    text: str = nbformat.writes(node, version=nbformat.NO_CONVERT)
    return text.rstrip("\n") + "\n"
