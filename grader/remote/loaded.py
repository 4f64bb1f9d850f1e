"""What becomes of loading a submission."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from grader.remote.errors import RemoteTraceback, describe_raised, number_of
from grader.wall.guest import MAX_NAMES


@dataclass(frozen=True, slots=True)
class CellError:
    """A notebook's cell that raised while it was loaded."""

    cell: int
    error: RemoteTraceback


@dataclass(frozen=True, slots=True)
class Loaded:
    """A submission that was loaded."""

    names: dict[str, bool]  # public name -> is it callable
    cell_errors: tuple[CellError, ...]


class LoadError(Exception):
    """The submission raised while it was loaded."""

    def __init__(self, remote: RemoteTraceback) -> None:
        super().__init__(str(remote))
        self.remote = remote


def read_loaded(reply: dict[str, Any]) -> Loaded:
    """What a guest tells of the module that it has loaded; what is malformed is passed over."""
    names = reply.get("names")
    notes = reply.get("notes")
    errors = []
    for note in notes[:50] if isinstance(notes, list) else ():
        if isinstance(note, dict) and isinstance(note.get("cell"), int):
            errors.append(CellError(number_of(note["cell"]), describe_raised(note)[0]))
    told = itertools.islice(names.items(), MAX_NAMES) if isinstance(names, dict) else ()
    known = {key[:100]: value is True for key, value in told}
    return Loaded(known, tuple(errors))
