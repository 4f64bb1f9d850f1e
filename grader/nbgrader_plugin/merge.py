"""A new version of a generated file and an instructor's edits of the old one, brought together: three ways, no disk.

*base* is what was written last, of which only digests are kept; *mine* is what lies on the disk now; *new* is what
would be written. Whatever one side has left alone follows the other side; where both have changed the same thing, it is
a conflict, and somebody must choose. A notebook is merged cell by cell, by meaning: outputs, execution counts and the
layout of the JSON, which Jupyter changes on each save, count for nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

Cell = Mapping[str, Any]  # of a notebook, nbformat 4, as JSON has it

# nbgrader's metadata that an author means; the rest is nbgrader's bookkeeping.
KINDS = ("grade", "solution", "locked", "task")


class Choice(StrEnum):
    """What to do about conflicts."""

    LATER = "later"  # keep what is on disk, and find the same conflict the next time
    MINE = "mine"  # keep what is on disk, for good
    NEW = "new"  # take the new version


@dataclass(frozen=True, slots=True)
class Known:
    """A cell as it was written last."""

    id: str
    grade_id: str  # nbgrader's; empty for a cell without
    type: str
    digest: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something that both sides have changed."""

    name: str  # for a person
    mine: str  # text on the disk; empty: it was deleted there
    new: str  # text that would be written; empty: it is no longer written


@dataclass(frozen=True, slots=True)
class MergedText:
    """What becomes of a text."""

    text: str
    base: str  # digest to be kept for the next time; empty: none
    conflicts: tuple[Conflict, ...] = ()
    edited: bool = False  # edits of the instructor's stand in it


@dataclass(frozen=True, slots=True)
class MergedCells:
    """What becomes of a notebook's cells."""

    cells: tuple[Cell, ...]
    base: tuple[Known, ...]
    conflicts: tuple[Conflict, ...] = ()
    changed: bool = False  # otherwise the notebook on the disk says the same already
    edited: bool = False


def digest(text: str) -> str:
    """Of a text, ends of lines and white space at its end left out."""
    return hashlib.sha256("\n".join(text.rstrip().splitlines()).encode()).hexdigest()[:16]


def known(cell: Cell) -> Known:
    """What is kept of a cell that is written."""
    metadata = cell.get("metadata", {})
    noted = metadata.get("nbgrader")
    noted = noted if isinstance(noted, dict) else {}
    kinds = [kind for kind in KINDS if noted.get(kind)]
    # JupyterLab writes 1.0 points as 1, and leaves an empty shell where a cell is made an ordinary one again.
    meant = [kinds, noted.get("grade_id", ""), float(noted.get("points") or 0)] if kinds else []
    said = json.dumps([cell["cell_type"], source_of(cell).rstrip(), meant, metadata.get("tags", [])])
    grade_id = str(noted.get("grade_id", "")) if kinds else ""
    return Known(str(cell.get("id", "")), grade_id, cell["cell_type"], digest(said))


def source_of(cell: Cell) -> str:
    """A cell's text; in the JSON it may be a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def merge_text(base: str, mine: str, new: str, choice: Choice = Choice.LATER, name: str = "") -> MergedText:
    """Merge as a whole.

    :param base: the digest kept last time; empty: there is none.
    :param name: what to call it in a conflict.
    """
    if digest(mine) in (base, digest(new)):
        return MergedText(new if digest(mine) != digest(new) else mine, digest(new))
    if base == digest(new):
        return MergedText(mine, base, edited=True)
    if choice is Choice.NEW:
        return MergedText(new, digest(new), (Conflict(name, mine, new),))
    kept = digest(new) if choice is Choice.MINE else base
    return MergedText(mine, kept, (Conflict(name, mine, new),), edited=True)


def merge_cells(
    base: Sequence[Known],
    mine: Sequence[Cell],
    new: Sequence[Cell],
    choice: Choice = Choice.LATER,
    required: Container[str] = (),
) -> MergedCells:
    """Merge cell by cell.

    An instructor's cells, added ones too, stay where they were put. New ones go where the new version has them.

    :param required: grade_ids of cells that come back when they were deleted: without them marks would be missing.
    """
    before = _Version.of_base(base)
    after = _Version.of_new(new, before)
    present = _Version.of_disk(mine, before, after)
    merge = _Merge(choice)
    for key in dict.fromkeys([*present.order, *after.order, *before.order]):
        merge.decide(key, before.cells.get(key), present.cells.get(key), after.cells.get(key), required)
    was, now, then = before.order, present.order, after.order
    common = set(was) & set(now)
    moved = [key for key in was if key in common] != [key for key in now if key in common]
    order = _woven(now, then) if moved else _woven(then, now)
    cells = tuple(merge.kept[key] for key in order if key in merge.kept)
    changed = [known(cell) for cell in cells] != [known(cell) for cell in mine]
    written = tuple(merge.base[key] for key in _woven(then, was) if key in merge.base)
    return MergedCells(cells, written, tuple(merge.conflicts), changed, merge.edited or moved)


def _woven(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """All of both: in the first one's order, and what only the second has behind what it follows there."""
    order = list(first)
    for place, key in enumerate(second):
        if key not in order:
            above = next((other for other in reversed(second[:place]) if other in order), None)
            order.insert(0 if above is None else order.index(above) + 1, key)
    return order


@dataclass(frozen=True, slots=True)
class _Entry:
    """One cell of one version."""

    known: Known
    cell: Cell | None = None  # None: of the base, whose cells are not kept


@dataclass(frozen=True, slots=True)
class _Version:
    """A notebook's cells by keys that are the same in all versions, in order."""

    cells: dict[str, _Entry]

    @property
    def order(self) -> list[str]:
        return list(self.cells)

    @classmethod
    def of_base(cls, base: Iterable[Known]) -> _Version:
        return cls({_key(each): _Entry(each) for each in base})

    @classmethod
    def of_new(cls, new: Sequence[Cell], base: _Version) -> _Version:
        """The id of a cell without nbgrader's metadata derives from its text, so that a reworded one has a new id.

        Between the same neighbours it is the same cell.
        """
        keys = [_key(known(cell)) for cell in new]
        old = base.order
        for kind, i, i_end, j, j_end in SequenceMatcher(None, old, keys, autojunk=False).get_opcodes():
            if kind != "replace" or i_end - i != j_end - j:
                continue
            for was, number in zip(old[i:i_end], range(j, j_end), strict=True):
                entry, cell = base.cells[was].known, known(new[number])
                if not entry.grade_id and not cell.grade_id and entry.type == cell.type and was not in keys:
                    keys[number] = was
        return cls({key: _Entry(known(cell), cell) for key, cell in zip(keys, new, strict=True)})

    @classmethod
    def of_disk(cls, mine: Sequence[Cell], base: _Version, new: _Version) -> _Version:
        """Found by nbgrader's id, else by the cell's id, else by the text (old Jupyters drop the ids of cells)."""
        found: dict[int, str] = {}
        theirs = {**new.cells, **base.cells}
        by_id = {entry.known.id: key for version in (new, base) for key, entry in version.cells.items()}
        by_digest = {entry.known.digest: key for key, entry in reversed(theirs.items())}
        each = [known(cell) for cell in mine]
        lookups = [
            [_key(cell) if cell.grade_id and _key(cell) in theirs else "" for cell in each],
            [by_id.get(cell.id, "") if cell.id else "" for cell in each],
            [by_digest.get(cell.digest, "") for cell in each],
        ]
        for lookup in lookups:
            for number, key in enumerate(lookup):
                if key and number not in found and key not in found.values():
                    found[number] = key
        cells = {}
        for number, cell in enumerate(mine):
            cells[found.get(number, f"added {number}")] = _Entry(each[number], cell)
        return cls(cells)


def _key(cell: Known) -> str:
    return f"grade {cell.grade_id}" if cell.grade_id else f"cell {cell.id}"


@dataclass(slots=True)
class _Merge:
    """Decisions, one cell at a time."""

    choice: Choice
    kept: dict[str, Cell] = field(default_factory=dict)  # key → the cell that stays or comes
    base: dict[str, Known] = field(default_factory=dict)  # key → what is to be noted as written
    conflicts: list[Conflict] = field(default_factory=list)
    edited: bool = False

    def decide(
        self, key: str, base: _Entry | None, mine: _Entry | None, new: _Entry | None, required: Container[str]
    ) -> None:
        was, now, then = _digest(base), _digest(mine), _digest(new)
        if new is not None:
            self.base[key] = new.known
        if base is None and new is None:  # the instructor has added it
            self._keep(key, mine)
            self.edited = True
        elif now == then:
            self._keep(key, mine)
        elif now == was or (mine is None and new is not None and new.known.grade_id in required):
            self._keep(key, new)
        elif then == was:
            self._keep(key, mine)
            self.edited = True
        else:
            self.conflicts.append(Conflict(_name(new or mine), _text(mine), _text(new)))
            self._keep(key, new if self.choice is Choice.NEW else mine)
            self.edited |= self.choice is not Choice.NEW
            if self.choice is Choice.LATER:
                self.base.pop(key, None)
                if base is not None:
                    self.base[key] = base.known

    def _keep(self, key: str, entry: _Entry | None) -> None:
        if entry is not None and entry.cell is not None:
            self.kept[key] = entry.cell


def _digest(entry: _Entry | None) -> str:
    return entry.known.digest if entry else ""


def _text(entry: _Entry | None) -> str:
    return source_of(entry.cell) if entry and entry.cell else ""


def _name(entry: _Entry | None) -> str:
    if entry is None:
        return "a cell that was deleted"
    if entry.known.grade_id:
        return entry.known.grade_id
    lines = _text(entry).strip().splitlines() or [""]
    return f"the cell “{lines[0][:50]}”"
