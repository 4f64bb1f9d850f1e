"""The marks of suites, read without importing them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader.course import read_suite, read_suites
from grader.errors import SuiteError
from grader.model import Assignment, Environment, Limits, TestSpec

VISIBLE = """\
raise RuntimeError("suites are read, not imported")
import pytest

NEEDED = ("test_b",)

@pytest.mark.points(1, title="A", hint="look " "here", needs=(*NEEDED, "test_c") + NEEDED)
@pytest.mark.parametrize("x", [1, 2])
def test_a(submission, x): ...

def helper(): ...
"""
HIDDEN = """\
from pytest import mark

@mark.points(2.5, title="B")
def test_b(submission): ...

@mark.points(0.5, title="C", needs=["test_b"])
def test_c(submission): ...
"""


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    autotests = tmp_path / "odd 'path'" / "autotests" / "a"
    autotests.mkdir(parents=True)
    (autotests / "test_visible.py").write_text(VISIBLE)
    (autotests / "test_hidden.py").write_text(HIDDEN)
    solution = tmp_path / "solutions" / "a" / "a.py"
    return Assignment("a", "A", "", Environment.NUMPY, 4.0, Limits(), 1, None, solution, autotests)


def test_marks_of_both_suites_are_read_in_order(assignment: Assignment) -> None:
    assert read_suites(assignment) == (
        TestSpec("test_a", "A", 1.0, "look here", True, ("test_b", "test_c", "test_b")),
        TestSpec("test_b", "B", 2.5, "", False),
        TestSpec("test_c", "C", 0.5, "", False, ("test_b",)),
    )


def refused(path: Path, text: str, line: int | None, what: str) -> None:
    path.write_text(text)
    with pytest.raises(SuiteError) as caught:
        read_suite(path, visible=True)
    assert caught.value.where == (f"{path}:{line}" if line else str(path))
    assert re.search(what, caught.value.what), caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("marker", "what"),
    [
        ("", "no marker"),
        ("@pytest.mark.points", "one positional argument"),
        ("@pytest.mark.points(title='x')", "one positional argument"),
        ("@pytest.mark.points(1, 2, title='x')", "one positional argument"),
        ("@pytest.mark.points(0, title='x')", "points of test_x are 0"),
        ("@pytest.mark.points(-1, title='x')", "points of test_x are -1"),
        ("@pytest.mark.points(1e999, title='x')", "points of test_x are inf"),
        ("@pytest.mark.points(True, title='x')", "points of test_x are True"),
        ("@pytest.mark.points('1', title='x')", "points of test_x are '1'"),
        ("@pytest.mark.points(n, title='x')", "points of test_x is not a literal"),
        ("@pytest.mark.points(1)", "no title"),
        ("@pytest.mark.points(1, title='')", "no title"),
        ("@pytest.mark.points(1, title='a\\nb')", "no title of one line"),
        ("@pytest.mark.points(1, title=f'{1}')", "title of test_x is not a literal"),
        ("@pytest.mark.points(1, title='x', hint=3)", "hint of test_x is 3"),
        ("@pytest.mark.points(1, title='x', hnit='')", 'unknown argument "hnit"'),
        ("@pytest.mark.points(1, title='x', needs='test_y')", "needs of test_x are 'test_y'"),
        ("@pytest.mark.points(1, **{'title': 'x'})", "unpacks a dict"),
        ("@pytest.mark.points(1, title='x')\n@pytest.mark.points(1, title='x')", "2 markers"),
    ],
)
def test_a_wrong_marker_is_refused_with_its_line(tmp_path: Path, marker: str, what: str) -> None:
    path = tmp_path / "test_visible.py"
    path.write_text(f"import pytest\n\n{marker}\ndef test_x(submission): ...\n")
    with pytest.raises(SuiteError) as caught:
        read_suite(path, visible=True)
    assert re.search(what, caught.value.what), caught.value.what
    assert re.fullmatch(re.escape(str(path)) + r":[345]", caught.value.where)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("x = 1\n", None, "no test"),
        ("def f(:\n", 1, "not valid Python"),
        ("@m.mark.points(1, title='x')\ndef test_x(): ...\n" * 2, 4, "defined on line 2 already"),
        ("class TestX:\n    def test_x(self): ...\n", 1, "test class"),
        ("async def test_x(): ...\n", 1, "asynchronous"),
        ("if True:\n    @m.mark.points(1, title='x')\n    def test_x(): ...\n", 3, "inside another statement"),
    ],
)
def test_what_pytest_would_count_unseen_is_refused(tmp_path: Path, text: str, line: int | None, what: str) -> None:
    refused(tmp_path / "test_visible.py", text, line, what)


def test_a_missing_suite_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no such file"):
        read_suite(tmp_path / "test_hidden.py", visible=False)


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "remedy"),
    [
        ('"test_b"]', '"test_bb"]', "test_hidden.py:7", 'needs "test_bb"', 'did you mean "test_b"'),
        ("test_c(", "test_a(", "test_hidden.py:7", r"test_a stands in test_visible\.py too \(line 8\)", "another name"),
        ('title="B"', 'title="B", needs=("test_c",)', "", "in a circle", "remove one"),
        ("2.5", "2", "assignment.toml", "add up to 3.5, but assignment.toml says 4", "points = 3.5"),
    ],
)
def test_what_only_both_suites_together_show(
    assignment: Assignment, old: str, new: str, where: str, what: str, remedy: str
) -> None:
    hidden = assignment.hidden_suite.read_text()
    assert old in hidden
    assignment.hidden_suite.write_text(hidden.replace(old, new))
    with pytest.raises(SuiteError) as caught:
        read_suites(assignment)
    assert caught.value.where.endswith(where)
    assert re.search(what, caught.value.what), caught.value.what
    assert remedy in caught.value.remedy
