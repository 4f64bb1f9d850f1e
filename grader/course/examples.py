"""The examples that prove a suite: mistakes, which overlay the reference, and alternatives, complete and right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from grader.course.table import read_text
from grader.errors import SuiteError
from grader.model import Assignment

HEAD = re.compile(r"^#\s*(mistake|caught by|hint|device):\s*(.*)$")
CONTINUATION = re.compile(r"^#\s{2,}(\S.*)$")
REMEDY = "begin it with `# mistake: …`, `# caught by: test_…, test_…` and `# hint: …`"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One misconception: an overlay that is appended to the reference, so that its definitions win."""

    path: Path
    misconception: str
    caught_by: tuple[str, ...]  # tests that must lose marks
    hint: str  # must stand in the hint or message of one of them
    overlay: str
    device: str = ""  # the only kind of device where it costs anything: "cuda"; empty: everywhere

    @property
    def name(self) -> str:
        return self.path.stem

    def applied_to(self, reference: str) -> str:
        """The submission of a student who has this misconception."""
        return f"{reference.rstrip()}\n\n\n# %%\n{self.overlay}"


def read_mistakes(assignment: Assignment, tests: frozenset[str]) -> tuple[Mistake, ...]:
    """All mistakes of an assignment, by name; SuiteError where a head is incomplete or names no test.

    :param tests: names of the assignment's tests.
    """
    return tuple(_read_mistake(path, tests) for path in sorted((assignment.autotests / "mistakes").glob("*.py")))


def alternatives(assignment: Assignment) -> tuple[Path, ...]:
    """Paths of all alternatives, scripts and notebooks, by name."""
    folder = assignment.autotests / "alternatives"
    return tuple(sorted(path for path in folder.glob("*") if path.suffix in (".py", ".ipynb")))


def _read_mistake(path: Path, tests: frozenset[str]) -> Mistake:
    text = read_text(path, remedy=REMEDY)
    fields: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if head := HEAD.match(line):
            current = head[1]
            fields[current] = head[2].strip()
        elif current and (more := CONTINUATION.match(line)):
            fields[current] += f" {more[1].strip()}"
        else:
            current = ""
    for field in ("mistake", "caught by", "hint"):
        if not fields.get(field):
            raise SuiteError(f"the head has no `# {field}:`", where=path, remedy=REMEDY)
    caught_by = tuple(name.strip() for name in fields["caught by"].split(",") if name.strip())
    for name in caught_by:
        if name not in tests:
            raise SuiteError(
                f"`caught by` names {name}, which is no test",
                where=path,
                remedy=f"choose among {', '.join(sorted(tests))}",
            )
    if fields.get("device", "cuda") != "cuda":
        remedy = "write `# device: cuda`, or leave it out"
        raise SuiteError(f"`device` is {fields['device']!r}", where=path, remedy=remedy)
    return Mistake(path, fields["mistake"], caught_by, fields["hint"], text, fields.get("device", ""))
