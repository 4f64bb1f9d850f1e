"""The leak lint: nothing generated holds a line of a solution, of a hidden test or of a mistake.

Lines are compared without white space and leading ``#``. A secret line counts as leaked where it stands as a whole
line. From 24 characters on it counts anywhere in a line, and so does what follows its ``return``, ``assert`` or
``name =``. Two kinds of line are no secrets:

- those that students are to see: lines of the stub (what stands outside the regions, and STUB lines), and for hidden
  tests and mistakes also lines of the visible suite;
- trivial ones, which give nothing away: shorter than 10 characters, or with fewer than 4 letters; imports; a bare
  decorator; a ``return`` of names; a length or a shape under a name; ``for name in range(name):``.

A hidden test's name must not stand anywhere either, not even inside a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import LeakError

SHORTEST = 10  # characters without white space; `return X @ w + b` has 11
SHORTEST_PART = 24  # characters; shorter ones, as in `np.zeros(3)`, turn up inside unrelated lines
_TRIVIAL = re.compile(
    r"""^(
        (import|from)\s.*
      | @[\w.]+
      | return\b[\s\w.,]*
      | [\w\s,]+=\s*(len\(\w+\)|\w+\.shape(\[-?\d+\])?)
      | for\s+\w+\s+in\s+range\(\w+\):
    )$""",
    re.VERBOSE,
)
_LEAD = re.compile(r"^(return\b|assert\b|[\w.,\s]+=(?!=))\s*")


@dataclass(frozen=True, slots=True)
class Secret:
    """A line that students must not see."""

    text: str
    where: str  # file:line
    kind: str  # "solution", "hidden test", "mistake"


def secrets_of(path: Path, kind: str) -> Iterator[Secret]:
    """Every line of a text file."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        yield Secret(line, f"{path}:{number}", kind)


def check_leaks(
    generated: Mapping[Path, str], secrets: Iterable[Secret], public: Iterable[str], names: Iterable[str] = ()
) -> None:
    """Prove that no secret line stands in a generated text.

    :param generated: file → text; of a notebook every decoded string is searched, metadata and outputs included.
    :param public: texts that students are to see.
    :param names: names of hidden tests.
    :raises LeakError: with the place of both lines.
    """
    public_lines = {_squeeze(line) for text in public for line in text.splitlines()}
    public_text = "\n".join(public_lines)
    wanted: dict[str, Secret] = {}
    for secret in secrets:
        text = _squeeze(secret.text)
        if text not in public_lines and not is_trivial(secret.text):
            wanted.setdefault(text, secret)
    parts: dict[str, Secret] = {}
    for secret in wanted.values():
        for part in (_squeeze(secret.text), _squeeze(_LEAD.sub("", secret.text.strip()))):
            if len(part) >= SHORTEST_PART and part not in public_text:
                parts.setdefault(part, secret)
    pattern = "|".join(map(re.escape, names))
    name_pattern = re.compile(rf"\b({pattern})\b") if pattern else None
    for path, text in generated.items():
        for line, string in _strings(path, text):
            squeezed = _squeeze(string)
            found = wanted.get(squeezed) or next((secret for part, secret in parts.items() if part in squeezed), None)
            if found:
                raise LeakError(
                    f"students would see a line of a {found.kind}: {found.text.strip()}",
                    where=f"{path}:{line}",
                    remedy=f"reword one of the two; the secret one is {found.where}",
                )
            named = name_pattern.search(string) if name_pattern else None
            if named:
                raise LeakError(
                    f"students would see the name of the hidden test {named.group()}",
                    where=f"{path}:{line}",
                    remedy="reword it, or rename the hidden test",
                )


def is_trivial(line: str) -> bool:
    """Tell whether a line gives nothing away, by the rule in this module's docstring."""
    squeezed = _squeeze(line)
    return (
        len(squeezed) < SHORTEST
        or sum(character.isalpha() for character in squeezed) < 4
        or _TRIVIAL.match(line.strip()) is not None
    )


def _squeeze(line: str) -> str:
    return re.sub(r"\s+", "", line).lstrip("#")


def _strings(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """Every line of a text as a student may see it: ``(line number in the file, text)``."""
    if path.suffix != ".ipynb":
        yield from enumerate(text.splitlines(), start=1)
        return
    raw = text.splitlines()
    for string in _decoded(json.loads(text)):
        encoded = json.dumps(string, ensure_ascii=False)
        number = next((number for number, line in enumerate(raw, start=1) if encoded in line), 1)
        for line in string.splitlines():
            yield number, line


def _decoded(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _decoded(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _decoded(item)
