"""What becomes of loading a submission."""

from __future__ import annotations

import binascii
import itertools
from dataclasses import dataclass, field
from typing import Any

from grader.remote.errors import RemoteTraceback, describe_raised, number_of
from grader.wall.guest import MAX_NAMES
from grader.wall.recording import MAX_CELL_OUTPUTS, MAX_CELL_TEXT, MAX_CELLS

PNG = b"\x89PNG\r\n\x1a\n"


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
    outputs: dict[int, list[dict[str, str]]] = field(default_factory=dict)  # of recorded cells, by their numbers


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
    return Loaded(known, tuple(errors), read_outputs(reply.get("outputs")))


def read_outputs(told: Any) -> dict[int, list[dict[str, str]]]:
    """What a guest says that cells have put out: each output a dict of strings; what is malformed is passed over.

    ``type`` is "stream" (with ``name`` and ``text``), "result" (``text``) or "display" (``text``, maybe ``png`` in
    Base64).
    """
    found: dict[int, list[dict[str, str]]] = {}
    for entry in told[:MAX_CELLS] if isinstance(told, list) else ():
        if isinstance(entry, list) and len(entry) == 2 and type(entry[0]) is int and isinstance(entry[1], list):
            read = (_read_output(output) for output in entry[1][:MAX_CELL_OUTPUTS])
            found[entry[0]] = [output for output in read if output is not None]
    return found


def _read_output(told: Any) -> dict[str, str] | None:
    if not isinstance(told, dict) or not isinstance(told.get("text"), str):
        return None
    output = {"text": told["text"][: 2 * MAX_CELL_TEXT]}
    if told.get("type") == "stream" and told.get("name") in ("stdout", "stderr"):
        return {"type": "stream", "name": told["name"], **output}
    if told.get("type") not in ("result", "display"):
        return None
    picture = told.get("png")
    if isinstance(picture, str) and _is_png(picture):
        output["png"] = picture
    return {"type": told["type"], **output}


def _is_png(text: str) -> bool:
    try:
        return binascii.a2b_base64(text, strict_mode=True).startswith(PNG)
    except ValueError:  # of which binascii.Error is one; text that is not ASCII too
        return False
