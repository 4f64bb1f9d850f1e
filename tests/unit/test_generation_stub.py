"""Markers and stubs: what a region becomes, and the line of everything that is no proper region."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import MarkerError, TaskError
from grader.generation import make_stub, parse_regions

PATH = Path("solutions/it's a/a.py")
SOURCE = '''\
# %%
import math


# %%
def area(r):
    """Area of a disc."""
    if r < 0:
        ### BEGIN SOLUTION
        raise ValueError("negative")
        ### END SOLUTION
    ### BEGIN SOLUTION   
    # the formula

    return math.pi * r**2
\t### END SOLUTION


class Disc:
    def area(self):
        def helper():
            ### BEGIN SOLUTION
            return 1
            ### END SOLUTION

        return helper()


# %%
### BEGIN SOLUTION
### STUB: TABLE = {}
### STUB:
### STUB: if True:
### STUB:     OTHER = None
TABLE = {k: k for k in "ab"}
OTHER = _hidden = 1
### END SOLUTION
'''  # noqa: W291  white space behind a marker is tolerated

STUB = '''\
# %%
import math


# %%
def area(r):
    """Area of a disc."""
    if r < 0:
        raise NotImplementedError("area is not written yet: replace this line by your code")
    raise NotImplementedError("area is not written yet: replace this line by your code")


class Disc:
    def area(self):
        def helper():
            raise NotImplementedError("Disc.area.helper is not written yet: replace this line by your code")

        return helper()


# %%
TABLE = {}

if True:
    OTHER = None
'''


def test_regions_become_a_raise_or_the_stub_lines() -> None:
    assert make_stub(SOURCE, PATH) == STUB


def test_regions_know_their_lines() -> None:
    first, second, _, last = parse_regions(SOURCE, PATH)
    assert (first.begin, first.end, first.indent, first.stub) == (9, 11, " " * 8, ())
    assert first.code == ((10, '        raise ValueError("negative")'),)
    assert [number for number, _ in second.code] == [13, 14, 15]
    assert last.stub == ("TABLE = {}", "", "if True:", "    OTHER = None")


BODY = "def f():\n    {}\n    return 1\n    {}\n"
B, E = "### BEGIN SOLUTION", "### END SOLUTION"


def refused(source: str, line: int | None, what: str) -> None:
    with pytest.raises(MarkerError) as caught:
        make_stub(source, PATH)
    assert caught.value.where == (f"{PATH}:{line}" if line else str(PATH))
    assert re.search(what, caught.value.what), caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        ("x = 1\n", None, "no solution region"),
        (BODY.format("", E), 4, "has not begun"),
        (BODY.format(B, ""), 2, "not closed"),
        (f"def f():\n    {B}\n    {B}\n    return 1\n    {E}\n    {E}\n", 3, "begins inside the one of line 2"),
        (f"def f():\n    {B}\n    # nothing\n    {E}\n    return 1\n", 2, "holds no code"),
        (f"def f():\n    {B}\n    x = 1\n# %%\n    return x\n    {E}\n", 4, "another cell"),
        (f"def f():\n    x = 1  {B}\n    {E}\n", 2, "alone on its line"),
        (f"# %% [markdown]\n# {B}\n", 2, "nearly a marker|alone on its line"),
        (BODY.format(f"{B}\n    x = 1\n    ### STUB: pass", E), 4, "after the solution has begun"),
        (f"### STUB: x = 1\n{BODY.format(B, E)}", 1, "outside a region"),
        (BODY.format(f"{B}\n    ###STUB: pass", E), 3, "nearly a STUB line"),
        (BODY.format(f"{B}\n    ### STUB:pass", E), 3, "nearly a STUB line"),
        (BODY.format(f"{B}\n    ### Stub: pass", E), 3, "nearly a STUB line"),
        (f"{B}\nx = 1\n{E}\n", 1, "runs when the module is imported"),
        (f"class C:\n    {B}\n    x = 1\n    {E}\n", 2, "runs when the module is imported"),
        (f"if True:\n    {B}\n    x = 1\n    {E}\n", 2, "runs when the module is imported"),
        (f"{B}\n### STUB: y = 1\nx = y = 1\n{E}\n", 3, "does not define x"),
        (f"def g():\n    {B}\n    return 1\ndef f():\n    return 2\n    {E}\n", 2, "runs when the module is imported"),
        (f"def f(x):\n    {B}\n    if x:\n        y = 1\n    {E}\n    else:\n        y = 2\n", 6, "not valid Python"),
        (f"def f():\n    {B}\n    ### STUB: x = (\n    return 1\n    {E}\n", 2, "not valid Python"),
        (BODY.format(B, E) + "x = [f()]\n", 5, "f is called when the module is imported"),
        (BODY.format(B, E) + "def g(x=f()): ...\n", 5, "f is called when the module is imported"),
    ],
)
def test_a_wrong_marker_is_refused_with_its_line(source: str, line: int | None, what: str) -> None:
    refused(source, line, what)


@pytest.mark.parametrize(
    "marker",
    ["### begin solution", "###BEGIN SOLUTION", "### BEGIN  SOLUTION", "## BEGIN SOLUTION", "### BEGIN SOLUTION:",
     "# Begin solution", "### BEGIN SOLUTON", "### BEGIN_SOLUTION", "### END  SOLUTION", "#### END SOLUTION",
     "### end solution", "### END SOLUTIONS"],
)  # fmt: skip
def test_a_misspelt_marker_is_an_error_and_not_a_comment(marker: str) -> None:
    refused(BODY.format(marker, E), 2, "nearly a marker")


@pytest.mark.parametrize("comment", ["# begin with the solution of the small case", "# stub", "## The end", "#" * 20])
def test_ordinary_comments_are_no_markers(comment: str) -> None:
    assert comment in make_stub(f"{comment}\n{BODY.format(B, E)}", PATH)


def test_demonstrations_under_main_may_call_unfinished_functions() -> None:
    demo = 'if __name__ == "__main__":\n    print(f())\n'
    assert make_stub(BODY.format(B, E) + demo, PATH).endswith(demo)


def test_a_source_that_is_no_python_is_a_task_error_with_its_line() -> None:
    with pytest.raises(TaskError) as caught:
        make_stub("x = 1\ndef f(:\n", PATH)
    assert caught.value.where == f"{PATH}:2"


LINES = st.sampled_from(["x = 1", "# %%", "", B, E, "### STUB: y = 2", "    return 3", "def f():"])


@given(st.lists(LINES, max_size=12))
def test_no_mixture_of_lines_yields_a_stub_with_a_marker(lines: list[str]) -> None:
    try:
        stub = make_stub("\n".join(lines), PATH)
    except TaskError:
        return
    assert "SOLUTION" not in stub
    assert "STUB" not in stub
    compile(stub, "stub", "exec")
