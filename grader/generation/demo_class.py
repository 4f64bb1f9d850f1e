"""A demo class: 40 students whose submissions are the course's own examples, and what goes wrong in real life."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain, cycle, islice, zip_longest
from pathlib import Path
from typing import Any

from grader.course.examples import Mistake, alternatives, read_mistakes
from grader.course.suite import read_suites
from grader.course.table import read_text
from grader.course.timed import ACCURACY, TIME
from grader.generation.notebook import make_notebook
from grader.generation.stub import make_stub
from grader.grading.verify import read_alternative
from grader.model import Assignment, Course
from grader.sandbox.imports import missing_framework

STUDENTS = tuple(
    "ada amir ana bela ben carla chen dalia david elif emre eva farid fatima finn grace hana hugo ines ivan "
    "jana jonas kira lena liam mara milan nadia noah olga omar paula priya rosa sami sofia tarek uma yuki zoe".split()
)

# Of a timed task: each of them trains three times or more on one core.
TIMED_STUDENTS = STUDENTS[:12]

HandIn = tuple[str, bytes | None]  # suffix and content; None: an empty folder

# Source of a cell that a student forgot to tidy away.
SCRATCH = "# does this work?\nundefined_name + 1"
LOOP = "\n\nweight = 1.0\nwhile weight != 0.3:\n    weight -= 0.1\n"


def demo_files(course: Course) -> Iterator[tuple[Path, bytes | None]]:
    """Every file of the class, relative to its submitted/ folder; ``None`` stands for an empty folder.

    The first twelve students hand in timed tasks, all of them the others. Deterministic: the same course gives the same
    class, as long as the same frameworks are installed.
    """
    for place, assignment in enumerate(course.assignments):
        hand_ins = _untimed(assignment, place) if assignment.timed is None else _timed(assignment)
        for student, (suffix, data) in hand_ins:
            folder = Path(student, assignment.name)
            yield (folder, None) if data is None else (folder / f"{assignment.name}{suffix}", data)


def _timed(assignment: Assignment) -> Iterator[tuple[str, HandIn]]:
    """What twelve students hand in of a timed task: one in two is right, two never come to train."""
    source = read_text(assignment.solution, remedy="mend the solution source")
    mistakes = read_mistakes(assignment, frozenset(spec.name for spec in read_suites(assignment)))
    right: list[HandIn] = [(".py", source.encode())]
    for path in alternatives(assignment):
        if not missing_framework(read_alternative(assignment, path)):
            right.append((path.suffix, path.read_bytes()))
    wrong = [_overlaid(mistake, source) for mistake in sorted(mistakes, key=_shows_little)]
    special = [_untouched(source, assignment), _syntax_error(source, assignment)]
    # Where there are few examples, several students hand in the same.
    mixed = chain.from_iterable(zip_longest(right, wrong))
    rest = cycle([each for each in mixed if each is not None])
    hand_ins = list(islice(rest, len(TIMED_STUDENTS) - len(special)))
    hand_ins[5:5], hand_ins[8:8] = special[:1], special[1:]
    yield from zip(TIMED_STUDENTS, hand_ins, strict=True)


def _shows_little(mistake: Mistake) -> tuple[bool, int, bool, str]:
    """Order of mistakes: first those that training alone finds, and of these the ones with a learning curve."""
    timed = {ACCURACY, TIME}.intersection(mistake.caught_by)
    return not timed, len(mistake.caught_by), "log(" not in mistake.overlay, mistake.name


def _untimed(assignment: Assignment, place: int) -> Iterator[tuple[str, HandIn]]:
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
        yield student, (suffix, data)


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
