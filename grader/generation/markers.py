"""The solution markers of a percent-format script: ``### BEGIN SOLUTION``, ``### END SOLUTION``, ``### STUB: <code>``.

They are nbgrader's, so that a source can be carried over; the STUB lines are ours. A marker stands alone on its line,
at any indentation. Whatever looks like a marker and is none is an error, as it would hand the solution to students.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from grader.errors import MarkerError

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
STUB = "### STUB:"
_MENTION = re.compile(r"#\s*(BEGIN|END)\s*SOLUTION", re.IGNORECASE)
_STUB_LIKE = re.compile(r"^(#{2,}\s*stub\b|#\s*STUB\s*:)", re.IGNORECASE)
_CELL = re.compile(r"^# %%")


@dataclass(frozen=True, slots=True)
class Region:
    """The lines between two markers. Line numbers count from 1."""

    begin: int  # line of the BEGIN marker
    end: int  # line of the END marker
    indent: str  # white space before the BEGIN marker
    stub: tuple[str, ...]  # code of the STUB lines, without the marker's indentation; empty: a raise is generated
    code: tuple[tuple[int, str], ...]  # the solution: (line number, line), blank lines included


def parse_regions(text: str, path: Path) -> tuple[Region, ...]:
    """Find the solution regions of a source, in order.

    :param path: the source's file, for messages.
    :raises MarkerError: a stray, nested, unclosed or misspelt marker; a region without code or across cells; a STUB
        line anywhere but at a region's head; no region at all.
    """
    regions: list[Region] = []
    begin = 0  # line of the open BEGIN marker; 0 where no region is open
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        marker = line.strip()
        if marker == BEGIN:
            if begin:
                _fail(path, number, f"a region begins inside the one of line {begin}", f"close that one first: {END}")
            begin = number
        elif marker == END:
            if not begin:
                _fail(path, number, "a region ends that has not begun", f"write {BEGIN} above the solution")
            regions.append(_region(lines, begin, number, path))
            begin = 0
        elif _looks_like_marker(marker):
            _fail(path, number, f"this is nearly a marker: {marker}", f"write {BEGIN} or {END}, or other words")
        elif _MENTION.search(line):
            _fail(path, number, "a marker must stand alone on its line", "move it to a line of its own, or reword")
        elif begin and _CELL.match(line):
            _fail(path, number, f"the region of line {begin} goes on in another cell", f"close it before: {END}")
        elif _STUB_LIKE.match(marker) and not begin:
            _fail(path, number, "a STUB line outside a region", f"move it below {BEGIN}")
    if begin:
        _fail(path, begin, "this region is not closed", f"write {END} below the solution")
    if not regions:
        raise MarkerError(
            "there is no solution region, so students would receive the solution",
            where=path,
            remedy=f"put each solution between {BEGIN} and {END}",
        )
    return tuple(regions)


def _region(lines: list[str], begin: int, end: int, path: Path) -> Region:
    indent = lines[begin - 1][: -len(lines[begin - 1].lstrip())]
    stub: list[str] = []
    code: list[tuple[int, str]] = []
    for number in range(begin + 1, end):
        line = lines[number - 1]
        text = line.strip()
        if not _STUB_LIKE.match(text):
            code.append((number, line))
        elif not text.startswith(STUB) or (text != STUB and text[len(STUB)] != " "):
            _fail(path, number, f"this is nearly a STUB line: {text}", f"write {STUB} and a space before the code")
        elif code:
            _fail(path, number, "a STUB line after the solution has begun", f"move it right below {BEGIN}")
        else:
            stub.append(text[len(STUB) + 1 :])
    if all(_is_blank(line) for _, line in code):
        _fail(path, begin, "this region holds no code", "write the solution into it, or remove its markers")
    return Region(begin, end, indent, tuple(stub), tuple(code))


def _is_blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _looks_like_marker(text: str) -> bool:
    """A comment whose letters are nearly those of a marker: other case, spacing, number of hashes, one typing slip."""
    if not text.startswith("#"):
        return False
    letters = re.sub(r"[^a-z]", "", text.casefold())
    return bool(difflib.get_close_matches(letters, ("beginsolution", "endsolution"), n=1, cutoff=0.87))


def _fail(path: Path, line: int, what: str, remedy: str) -> NoReturn:
    raise MarkerError(what, where=f"{path}:{line}", remedy=remedy)
