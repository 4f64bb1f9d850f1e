"""The instructor's notebook of an nbgrader assignment, as text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.course import load_course, read_suites
from grader.errors import LeakError
from grader.model import Assignment
from grader.nbgrader_plugin.cells import grade_id, has_notebook
from grader.nbgrader_plugin.source_notebook import make_source

ROOT = Path(__file__).parents[2]
ORDINARY = [each for each in load_course(ROOT).assignments if has_notebook(each)]

SOURCE = '''\
# %% [markdown]
# Double it.

# %%
### BEGIN SOLUTION
### STUB: FACTOR = None
FACTOR = 2
### END SOLUTION

# %% tags=["given"]
def given(x):
    return x


# %%
class Doubler:
    def double(self, x):
        ### BEGIN SOLUTION
        return self.offset_nobody_guesses + x * FACTOR
        ### END SOLUTION


# %%
def Doubler_2(x):
    ### BEGIN SOLUTION
    return Doubler().double(x) * FACTOR
    ### END SOLUTION
'''
VISIBLE = '''\
"""Visible."""

import pytest

LIMIT = 3


@pytest.mark.parametrize("x", [1, LIMIT])
@pytest.mark.points(1.5, title="doubles: 1 and 3", needs=("test_secret_name",))
def test_double(
    submission,
    x: "dict[str, int]",
    limit=LIMIT,  # a comment: with a colon
) -> None:  # why
    # A comment of the test's own.
    assert submission.Doubler().double(x) == 2 * x

    assert limit == 3


@pytest.mark.points(1, title="in one line")
def test_line(submission): assert submission.FACTOR == 2
'''
HIDDEN = '''\
import pytest


@pytest.mark.points(2.0, title="doubles other numbers", hint="Neither zero nor a negative number is special here.")
def test_secret_name(submission):
    assert [submission.Doubler().double(x) for x in (0, -17)] == [0, -34]
'''

Course = Callable[..., Assignment]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course of one assignment, whose sources may be replaced."""

    def make(source: str = SOURCE, visible: str = VISIBLE, hidden: str = HIDDEN) -> Assignment:
        for path, text in {
            "course.toml": 'name = "c"\nseed = 1\n',
            "solutions/double/assignment.toml": (
                'title = "t"\nsummary = "s"\nenvironment = "numpy"\npoints = 4.5\norder = 1\n'
            ),
            "solutions/double/double.py": source,
            "autotests/double/test_visible.py": visible,
            "autotests/double/test_hidden.py": hidden,
        }.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        (assignment,) = load_course(tmp_path).assignments
        return assignment

    return make


def cells_of(text: str) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(text)["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def noted(cell: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = cell["metadata"].get("nbgrader", {})
    return found


def test_solution_cells_are_nbgraders_and_others_stay_plain(course: Course) -> None:
    cells = cells_of(make_source(course()).notebook)
    work = cells[: next(n for n, cell in enumerate(cells) if cell["source"].startswith("## Checks"))]
    assert [noted(cell).get("grade_id") for cell in work] == [None, "FACTOR", None, "Doubler", "Doubler_2"]
    assert noted(work[1]) == {
        "schema_version": 3,
        "grade_id": "FACTOR",
        "grade": False,
        "solution": True,
        "locked": False,
        "task": False,
    }
    assert work[2]["metadata"] == {"tags": ["given"]}
    assert "### STUB: FACTOR = None" in work[1]["source"]


def test_ids_of_solution_cells_are_unique_and_none_is_that_of_a_check(course: Course) -> None:
    source = SOURCE.replace("Doubler_2", "test_line").replace("FACTOR = 2", "Doubler = 2").replace("FACTOR", "Doubler")
    named = [noted(cell)["grade_id"] for cell in cells_of(make_source(course(source)).notebook) if noted(cell)]
    assert named[:3] == ["Doubler", "Doubler_2", "test_line_2"]
    assert len(set(named)) == len(named)


def test_each_scored_test_has_one_locked_cell_with_its_points(course: Course) -> None:
    assignment = course()
    checks = [cell for cell in cells_of(make_source(assignment).notebook) if noted(cell).get("grade")]
    assert [noted(cell)["grade_id"] for cell in checks] == [
        grade_id("double", spec) for spec in read_suites(assignment)
    ]
    assert [noted(cell)["points"] for cell in checks] == [1.5, 1, 2]
    assert all(noted(cell)["locked"] and not noted(cell)["solution"] for cell in checks)


def test_a_visible_check_is_the_test_without_what_the_notebook_lacks(course: Course) -> None:
    double, line, hidden = (
        cell["source"] for cell in cells_of(make_source(course()).notebook) if noted(cell).get("grade")
    )
    assert double == (
        "# doubles: 1 and 3 (1.5 points)\n"
        "import test_visible\n"
        "\n"
        "@test_visible.check_notebook(globals())\n"
        "def test_double(submission, x, limit):\n"
        "    # A comment of the test's own.\n"
        "    assert submission.Doubler().double(x) == 2 * x\n"
        "\n"
        "    assert limit == 3"
    )
    assert line.endswith("def test_line(submission):\n    assert submission.FACTOR == 2")
    assert hidden == "# doubles other numbers (2 points)\nimport test_visible\n\ntest_visible.hidden_check()"


@pytest.mark.parametrize("assignment", ORDINARY, ids=lambda each: each.name)
def test_nothing_hidden_stands_in_any_file_and_the_students_code_is_that_of_generate(assignment: Assignment) -> None:
    made = make_source(assignment)
    hidden = [spec for spec in read_suites(assignment) if not spec.visible]
    public = assignment.visible_suite.read_text(encoding="utf-8")  # a hint may be the same there
    for text in (made.notebook, made.visible):
        for spec in hidden:
            assert not re.search(rf"\b{spec.name}\b", text)
            assert not spec.hint or spec.hint in public or spec.hint not in text
    handed_out = ROOT / "assignments" / assignment.name
    assert made.visible == (handed_out / "test_visible.py").read_text(encoding="utf-8")
    ids = [cell["id"] for cell in cells_of((handed_out / f"{assignment.name}.ipynb").read_text(encoding="utf-8"))]
    assert [cell["id"] for cell in cells_of(made.notebook)][: len(ids)] == ids


@pytest.mark.parametrize("assignment", ORDINARY, ids=lambda each: each.name)
def test_it_is_a_notebook_that_nbgrader_takes_and_the_same_each_time(assignment: Assignment) -> None:
    nbformat = pytest.importorskip("nbgrader.nbgraderformat")
    made = make_source(assignment)
    nbformat.reads(made.notebook, as_version=4)
    assert made == make_source(assignment)
    assert sum(noted(cell).get("points", 0) for cell in cells_of(made.notebook)) == assignment.points


def test_a_better_solution_changes_no_id(course: Course) -> None:
    before = cells_of(make_source(course()).notebook)
    after = cells_of(make_source(course(SOURCE.replace("x * FACTOR", "FACTOR * x"))).notebook)
    assert [cell["id"] for cell in before] == [cell["id"] for cell in after]
    assert [cell["source"] for cell in before] != [cell["source"] for cell in after]


@pytest.mark.parametrize(
    "leak",
    [
        "assert [submission.Doubler().double(x) for x in (0, -17)] == [0, -34]",
        "Neither zero nor a negative number is special here.",
        "test_secret_name knows",
        "return self.offset_nobody_guesses + x * FACTOR",
    ],
)
def test_a_title_that_tells_too_much_is_refused(course: Course, leak: str) -> None:
    assignment = course(hidden=HIDDEN.replace("doubles other numbers", leak))
    with pytest.raises(LeakError):
        make_source(assignment)
