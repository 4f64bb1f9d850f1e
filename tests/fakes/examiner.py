"""A class, and an examiner without processes that plays a script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from grader.grading.examiner_client import Examined
from grader.grading.intake import Handout, Submission
from grader.grading.plan import Plan, Task
from grader.grading.scoring import CaseRecord
from grader.model import Assignment, Environment, Limits, Outcome, SubmissionFiles, TestSpec

SPEC = TestSpec("test_it", "it works", 2.0, "look there", visible=False)


def make_assignment(root: Path, name: str = "work") -> Assignment:
    """An assignment with a reference; its suites are not there, and nobody reads them."""
    solution = root / "solutions" / name / f"{name}.py"
    solution.parent.mkdir(parents=True, exist_ok=True)
    solution.write_text("x = 1\n")
    return Assignment(name, "", "", Environment.NUMPY, 2.0, Limits(), 1, None, solution, root / "autotests" / name)


def make_plan(root: Path, students: Iterable[str], *names: str) -> Plan:
    """A plan in which every student has handed in something readable for every assignment."""
    tasks, due = {}, []
    for name in names or ("work",):
        assignment = make_assignment(root, name)
        tasks[name] = Task(assignment, (SPEC,), "key", Handout("", ()))
        for student in students:
            folder = root / "submitted" / student / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.py").write_text(f"# {student}\n")
            due.append(Submission(student, assignment, folder))
    keys = {(each.assignment.name, each.student): "planned" for each in due}
    return Plan(tasks, tuple(due), keys, (), {}, ())


def examined(outcome: Outcome = Outcome.PASSED, fraction: float = 1.0, message: str = "") -> Examined:
    """What an examiner finds where the one test ends so."""
    cases = {0: {SPEC.name: [CaseRecord(SPEC.name, outcome, fraction, message)]}}
    return Examined(None, (), "", cases, {}, frozenset(), 0.0)


Play = Callable[["FakeExaminer", str], Examined]


class FakeExaminer:
    """Takes the place of ExaminerClient in a pipeline; a class of its own per test, from :func:`fake_examiner`."""

    tests: tuple[str, ...] = (SPEC.name,)
    made: list[FakeExaminer]
    play: Play
    begin: Callable[[FakeExaminer], None]

    def __init__(
        self, assignment: Assignment, *_arguments: Any, started: Callable[[Any], None], **_options: Any
    ) -> None:
        self._enter(assignment)
        started(self)
        type(self).begin(self)

    def _enter(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.alive = True
        self.closed = False
        self.clones: list[FakeExaminer] = []
        self.students: list[str] = []
        type(self).made.append(self)

    def clone(self) -> FakeExaminer:
        """One that shares this one's fate: both are of one family."""
        made = type(self).__new__(type(self))
        made._enter(self.assignment)
        self.clones.append(made)
        return made

    def examine(self, student: str, _files: SubmissionFiles, *, record: bool = False) -> Examined:
        self.students.append(student)
        return type(self).play(self, student)

    def kill(self) -> None:
        self.alive = False

    def close(self) -> None:
        assert all(clone.closed for clone in self.clones), "a clone ends with what it was forked from"
        self.alive = False
        self.closed = True


def fake_examiner(
    play: Play = lambda _examiner, _student: examined(), begin: Callable[[FakeExaminer], None] = lambda _examiner: None
) -> type[FakeExaminer]:
    """A fake whose examinations are ``play(examiner, student)`` and whose start is ``begin(examiner)``.

    The reference is examined as the student ``""``.
    """
    return type("Fake", (FakeExaminer,), {"made": [], "play": staticmethod(play), "begin": staticmethod(begin)})
