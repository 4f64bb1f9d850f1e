"""Which lines of an assignment are secret, and from whom: the leak lint over what is generated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from grader.course import read_suites
from grader.course.table import read_text
from grader.generation.leak import Secret, check_leaks, secrets_of
from grader.generation.markers import parse_regions
from grader.generation.stub import make_stub
from grader.model import Assignment

REMEDY = "mend the assignment's sources"


def refuse_leaks(assignment: Assignment, generated: Mapping[Path, str], *, solved: bool = False) -> None:
    """Prove that no generated text holds a line of the solution, of a hidden test or its hint, or of a mistake.

    :param generated: file → text.
    :param solved: the texts are the instructor's own and hold the solution; hidden tests are secret even there.
    :raises LeakError: with the place of both lines.
    :raises TaskError: markers or suites are invalid.
    """
    source = read_text(assignment.solution, remedy=REMEDY)
    stub = make_stub(source, assignment.solution)
    visible = read_text(assignment.visible_suite, remedy=REMEDY)
    specs = read_suites(assignment)
    if not solved:
        solution = [
            Secret(line, f"{assignment.solution}:{number}", "solution")
            for region in parse_regions(source, assignment.solution)
            for number, line in region.code
        ]
        check_leaks(generated, solution, public=[stub])
    hidden = [spec for spec in specs if not spec.visible and not spec.timed]
    hints = [Secret(spec.hint, str(assignment.hidden_suite), "hidden test") for spec in hidden]
    check_leaks(
        generated,
        [*_hidden_lines(assignment), *hints],
        public=[stub, visible, *(spec.hint for spec in specs if spec.visible), *([source] if solved else [])],
        names=[spec.name for spec in hidden],
    )


def _hidden_lines(assignment: Assignment) -> Iterator[Secret]:
    if assignment.hidden_suite in assignment.suites:
        yield from secrets_of(assignment.hidden_suite, "hidden test")
    for path in sorted((assignment.autotests / "mistakes").glob("*.py")):
        yield from secrets_of(path, "mistake")
