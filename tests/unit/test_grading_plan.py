"""Who is due: places, keys, what is preloaded, and which worker takes what."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import InfrastructureError, UsageError
from grader.grading import content_key
from grader.grading.content_key import refusal_key, submission_key, suite_key
from grader.grading.intake import Submission
from grader.grading.plan import find_submissions, make_plan
from grader.grading.schedule import WORTH_JOINING, Schedule
from grader.model import Assignment, Course, Environment, Student, SubmissionFiles
from grader.sandbox.imports import imported_modules
from tests.fakes.examiner import make_assignment
from tests.fakes.examiner import make_plan as plan_of

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def make_course(root: Path, *assignments: Assignment, roster: str = "") -> Course:
    return Course("c", 1, root, "", tuple(Student(name) for name in roster.split()), assignments)


def find(
    course: Course, *, student: str | None = None, named: bool = False, now: datetime = NOW
) -> tuple[list[str], list[str]]:
    submissions, warnings = find_submissions(
        course, course.root / "submitted", course.assignments, named=named, student=student, now=now
    )
    return [f"{each.student}/{each.assignment.name}" for each in submissions], warnings


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Two assignments; ``ada`` has handed in the first, ``ben`` nothing."""
    (tmp_path / "submitted" / "ada" / "one").mkdir(parents=True)
    (tmp_path / "submitted" / "ben").mkdir()
    return make_course(tmp_path, make_assignment(tmp_path, "one"), make_assignment(tmp_path, "two"))


def test_who_has_nothing_is_listed_where_somebody_has(course: Course) -> None:
    assert find(course) == (["ada/one", "ben/one"], [])
    assert find(course, student="ben") == (["ben/one"], []), "also where he alone is asked for"
    assert find(course, named=True)[0] == ["ada/one", "ben/one", "ada/two", "ben/two"]


def test_before_it_is_due_nobody_is_late(course: Course) -> None:
    due = replace(course.assignments[0], due=datetime(2026, 5, 2, tzinfo=UTC))
    course = replace(course, assignments=(due,))
    assert find(course)[0] == ["ada/one"]
    assert find(course, named=True)[0] == ["ada/one"]
    assert find(course, now=datetime(2026, 5, 3, tzinfo=UTC))[0] == ["ada/one", "ben/one"]


def test_the_roster_adds_those_without_a_folder_and_strangers_are_named(course: Course) -> None:
    course = replace(course, roster=(Student("ada"), Student("zoe")))
    submissions, warnings = find(course)
    assert submissions == ["ada/one", "ben/one", "zoe/one"]
    assert warnings == ["not on the roster, graded all the same: ben"]


def test_folders_that_are_nobodys(course: Course) -> None:
    submitted = course.root / "submitted"
    (submitted / "a\nb").mkdir()
    (submitted / ".hidden").mkdir()
    (submitted / "notes.txt").write_text("x")
    for folder in ("onee", ".git", "__pycache__"):
        (submitted / "ada" / folder).mkdir()
    (submitted / "ada" / "more.txt").write_text("x")
    submissions, warnings = find(course)
    assert submissions == ["ada/one", "ben/one"]
    assert warnings[0].endswith("'a\\nb': a folder name with unprintable characters; it was passed over")
    assert warnings[1:] == ["ada/'onee' is no assignment of this course; passed over (did you mean \"one\"?)"]


def test_a_dangling_link_is_a_hand_in(course: Course) -> None:
    (course.root / "submitted" / "ben" / "two").symlink_to("/nowhere")
    assert "ben/two" in find(course)[0]


def test_unknown_student_and_folder(course: Course) -> None:
    with pytest.raises(UsageError, match="unknown student 'add'"):
        find(course, student="add")
    with pytest.raises(UsageError, match="there is no folder"):
        find_submissions(course, course.root / "no", course.assignments, named=False, student=None, now=NOW)


def test_the_plan_sorts_out_what_was_graded(tmp_path: Path) -> None:
    base = plan_of(tmp_path, "abc")
    keys: dict[str, str] = {}

    def is_graded(submission: Submission, key: str) -> bool:
        keys[submission.student] = key
        return submission.student == "b"

    (tmp_path / "submitted" / "c" / "work" / "work.py").write_text("")  # cannot be read
    plan = make_plan(base.tasks, list(base.due), ["w"], is_graded)
    assert ([each.student for each in plan.due], [each.student for each in plan.unchanged]) == (["a", "c"], ["b"])
    assert plan.keys == {("work", student): key for student, key in keys.items()}
    assert len(set(keys.values())) == 3
    assert plan.warnings == ("w",)


def test_what_the_disk_does_not_give_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> object:
        raise InfrastructureError("Input/output error")

    monkeypatch.setattr("grader.grading.plan.read_submission", fail)
    base = plan_of(tmp_path, "a")
    plan = make_plan(base.tasks, list(base.due), [], lambda *_: True)
    assert [each.student for each in plan.due] == ["a"]


def preloaded(*modules: str) -> tuple[str, ...]:
    """Those of them that are installed here."""
    return tuple(module for module in modules if importlib.util.find_spec(module.partition(".")[0]) is not None)


def test_what_submissions_import_is_preloaded(tmp_path: Path) -> None:
    base = plan_of(tmp_path, "ab")
    (tmp_path / "submitted" / "b" / "work" / "helper.py").write_text("import scipy as sp, os\n")
    (tmp_path / "submitted" / "a" / "work" / "work.py").write_text("import os\n    from matplotlib import pyplot\n")
    plan = make_plan(base.tasks, list(base.due), [], lambda *_: False)
    assert plan.preload == {"work": preloaded("matplotlib.pyplot", "scipy")}
    assert imported_modules("# import matplotlib\nx = 1\n", notebook=False) == set()
    assert imported_modules("x = 1\n", notebook=True) == {"IPython.core.inputtransformer2"}


# Keys -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    made = make_assignment(tmp_path)
    made.autotests.mkdir(parents=True)
    made.visible_suite.write_text("visible")
    made.hidden_suite.write_text("hidden")
    return made


def test_equal_content_has_an_equal_key(assignment: Assignment) -> None:
    assert suite_key(assignment, 1, "bubblewrap") == suite_key(assignment, 1, "bubblewrap")


def test_whatever_may_change_a_result_changes_the_key(assignment: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [
        suite_key(assignment, 1, "bubblewrap"),
        suite_key(assignment, 2, "bubblewrap"),
        suite_key(assignment, 1, "subprocess"),
        suite_key(replace(assignment, points=3.0), 1, "bubblewrap"),
        suite_key(replace(assignment, environment=Environment.TORCH), 1, "bubblewrap"),
        suite_key(replace(assignment, limits=replace(assignment.limits, cpu_seconds=1.0)), 1, "bubblewrap"),
    ]
    files = {
        "test_hidden.py": "other",
        "test_visible.py": "other",
        "conftest.py": "x",
        "helpers.py": "x",
        "data/inputs.csv": "1",
    }
    for name, text in files.items():
        path = assignment.autotests / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        keys.append(suite_key(assignment, 1, "bubblewrap"))
    for name in ("numpy", "dl-course-grader"):
        monkeypatch.setattr(content_key, "_version", lambda package, name=name: "0" if package == name else "9")
        keys.append(suite_key(assignment, 1, "bubblewrap"))
    assert len(set(keys)) == len(keys)


def test_what_no_result_depends_on_does_not_change_the_key(assignment: Assignment) -> None:
    before = suite_key(assignment, 1, "bubblewrap")
    for name in ("mistakes/one.py", "alternatives/two.ipynb", "__pycache__/x.pyc", ".cache/y"):
        path = assignment.autotests / name
        path.parent.mkdir()
        path.write_text("x")
    other = replace(assignment, title="other", summary="other", order=9, due=NOW)
    assert suite_key(other, 1, "bubblewrap") == before


FILES = st.dictionaries(st.text(max_size=5), st.binary(max_size=5), min_size=1, max_size=4)


@given(FILES, FILES)
def test_submissions_have_the_same_key_only_with_the_same_files(one: dict[str, bytes], two: dict[str, bytes]) -> None:
    keys = [submission_key("suite", SubmissionFiles("work", "work.py", files)) for files in (one, two)]
    assert (keys[0] == keys[1]) is (one == two)
    turned = dict(reversed(list(one.items())))
    assert submission_key("suite", SubmissionFiles("work", "work.py", turned)) == keys[0]


def test_a_refusal_has_the_key_of_its_reason() -> None:
    assert len({refusal_key("a", "empty"), refusal_key("a", "missing"), refusal_key("b", "empty")}) == 3


# Schedule -------------------------------------------------------------------------------------------------------------


def submissions(root: Path, **counts: int) -> list[Submission]:
    return [
        Submission(f"{number}", make_assignment(root, name), root)
        for name, count in counts.items()
        for number in range(count)
    ]


def name_of(submission: Submission | None) -> str:
    return submission.assignment.name if submission else ""


def test_a_worker_stays_with_its_assignment_and_begins_with_the_longest(tmp_path: Path) -> None:
    schedule = Schedule(submissions(tmp_path, small=2, large=3))
    assert [name_of(schedule.take("large" if turn else None)) for turn in range(3)] == ["large"] * 3
    assert [name_of(schedule.take(current)) for current in ("large", "small", "small")] == ["small", "small", ""]


def test_another_worker_takes_another_assignment_and_joins_only_where_it_is_worth_a_start(tmp_path: Path) -> None:
    schedule = Schedule(submissions(tmp_path, large=WORTH_JOINING + 1, small=1))
    assert [name_of(schedule.take(None)) for _ in range(3)] == ["large", "small", "large"]
    assert schedule.take(None) is None, "what is left is quicker done by those who are at it"


def test_what_is_dropped_is_not_handed_out(tmp_path: Path) -> None:
    schedule = Schedule(submissions(tmp_path, one=3, two=1))
    assert name_of(schedule.take(None)) == "one"
    assert len(schedule.drop("one")) == 2
    assert schedule.drop("one") == schedule.drop("unknown") == []
    assert name_of(schedule.take("one")) == "two"


@given(st.dictionaries(st.sampled_from(["one", "two", "three"]), st.integers(1, 40), min_size=1), st.integers(1, 4))
def test_everything_is_handed_out_once(
    tmp_path_factory: pytest.TempPathFactory, counts: dict[str, int], workers: int
) -> None:
    root = tmp_path_factory.getbasetemp() / "schedule"
    expected = submissions(root, **counts)
    schedule = Schedule(expected)
    current: dict[int, str | None] = dict.fromkeys(range(workers))
    found: list[Submission] = []
    while current:
        for worker in list(current):
            taken = schedule.take(current[worker])
            if taken is None:
                del current[worker]
            else:
                found.append(taken)
                current[worker] = taken.assignment.name
    assert sorted((each.assignment.name, each.student) for each in found) == sorted(
        (each.assignment.name, each.student) for each in expected
    )
