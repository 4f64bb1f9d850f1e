"""A demo class: 40 students whose submissions are the course's own examples, and what goes wrong in real life."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

from grader.course.examples import Mistake, alternatives, read_mistakes
from grader.course.suite import read_suites
from grader.course.table import read_text
from grader.generation.notebook import make_notebook
from grader.generation.stub import make_stub
from grader.model import Assignment, Course

STUDENTS = tuple(
    "ada amir ana bela ben carla chen dalia david elif emre eva farid fatima finn grace hana hugo ines ivan "
    "jana jonas kira lena liam mara milan nadia noah olga omar paula priya rosa sami sofia tarek uma yuki zoe".split()
)

HandIn = tuple[str, bytes | None]  # suffix and content; None: an empty folder

# Source of a cell that a student forgot to tidy away.
SCRATCH = "# does this work?\nundefined_name + 1"
LOOP = "\n\nweight = 1.0\nwhile weight != 0.3:\n    weight -= 0.1\n"


def demo_files(course: Course) -> Iterator[tuple[Path, bytes | None]]:
    """Every file of the class, relative to its submitted/ folder; ``None`` stands for an empty folder.

    Deterministic: the same course gives the same class.
    """
    for place, assignment in enumerate(course.assignments):
        yield from _assignment(assignment, place)


def _assignment(assignment: Assignment, place: int) -> Iterator[tuple[Path, bytes | None]]:
    name = assignment.name
    source = read_text(assignment.solution, remedy="mend the solution source")
    specs = read_suites(assignment)
    right: list[HandIn] = [(path.suffix, path.read_bytes()) for path in alternatives(assignment)]
    right = right or [(".py", source.encode())]
    wrong = [_overlaid(mistake, source) for mistake in read_mistakes(assignment, frozenset(s.name for s in specs))]
    # Two of three students are right; each assignment begins at another student, so that nobody is right throughout.
    rights, wrongs = cycle(right), cycle(wrong or right)
    # One endless loop in the whole class: it takes its ten seconds of CPU time and teaches nothing the second time.
    specials = [make for make in _SPECIAL if make is not _endless_loop or place == 0]
    special = {(position * 3 + place) % len(STUDENTS): make for position, make in enumerate(specials)}
    for index, student in enumerate(STUDENTS):
        suffix, data = next(wrongs) if (index + 2 * place) % 3 == 1 else next(rights)
        if index in special:
            suffix, data = special[index](source, assignment)
        folder = Path(student, name)
        yield (folder, None) if data is None else (folder / f"{name}{suffix}", data)


def _overlaid(mistake: Mistake, source: str) -> HandIn:
    return ".py", mistake.applied_to(source).encode()


def _untouched(source: str, assignment: Assignment) -> HandIn:
    return ".py", make_stub(source, assignment.solution).encode()


def _syntax_error(source: str, assignment: Assignment) -> HandIn:
    return ".py", source.replace("def ", "def def ", 1).encode()


def _endless_loop(source: str, assignment: Assignment) -> HandIn:
    return ".py", (source + LOOP).encode()


def _broken_scratch_cell(source: str, assignment: Assignment) -> HandIn:
    notebook = json.loads(make_notebook(source, assignment.name))
    scratch: dict[str, Any] = {"cell_type": "code", "execution_count": None, "id": "scratch", "metadata": {}}
    scratch |= {"outputs": [], "source": SCRATCH}
    notebook["cells"].insert(len(notebook["cells"]) // 2, scratch)
    return ".ipynb", json.dumps(notebook, indent=1).encode()


def _empty_folder(source: str, assignment: Assignment) -> HandIn:
    return "", None


_SPECIAL: tuple[Callable[[str, Assignment], HandIn], ...] = (
    _untouched,
    _syntax_error,
    _endless_loop,
    _broken_scratch_cell,
    _empty_folder,
)
