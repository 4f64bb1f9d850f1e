"""The submissions that are graded: an assignment's reference, its alternatives and its mistakes, in turn."""

from __future__ import annotations

from pathlib import Path

from grader.course.examples import alternatives, read_mistakes
from grader.course.suite import read_suites
from grader.course.table import read_text
from grader.grading.intake import Submission
from grader.model import Assignment


def sources(assignment: Assignment) -> list[str]:
    """Texts of all submissions that there are examples of. Notebooks are left out: plain pytest cannot load them."""
    reference = read_text(assignment.solution, remedy="mend the solution source")
    tests = frozenset(spec.name for spec in read_suites(assignment))
    texts = [reference]
    texts += [read_text(path, remedy="mend it") for path in alternatives(assignment) if path.suffix == ".py"]
    texts += [mistake.applied_to(reference) for mistake in read_mistakes(assignment, tests)]
    return texts


def hand_in(assignment: Assignment, count: int, folder: Path) -> list[Submission]:
    """Write ``count`` submissions, the examples over and over, as students would hand them in; the same each time."""
    texts = sources(assignment)
    submissions = []
    for number in range(count):
        student = f"student{number:03}"
        place = folder / student / assignment.name
        place.mkdir(parents=True)
        (place / f"{assignment.name}.py").write_text(texts[number % len(texts)], encoding="utf-8")
        submissions.append(Submission(student, assignment, place))
    return submissions
