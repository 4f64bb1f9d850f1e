"""The students' copy of the visible suite, as text; how it runs is told by the functional tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from grader.errors import SuiteError
from grader.generation.visible import make_visible_suite

HEAD = "import warnings as _warnings"


def visible(text: str, path: Path = Path("test_visible.py")) -> str:
    result = make_visible_suite(text, path, "a", "x = 1\n", "x = 1")
    ast.parse(result)
    return result


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("(1, title='é', needs=('test_h',))", "(1, title='é')"),
        ("(1, needs=('test_h',), title='é')", "(1, title='é')"),
        ("(1, title='é', needs=['test_h'], hint='h')", "(1, title='é', hint='h')"),
        ("(1, title='é', needs=(),)", "(1, title='é',)"),
        ("(\n    1,\n    title='é',\n    needs=(\n        'test_h',\n    ),\n)", "(\n    1,\n    title='é',\n)"),
        ("(\n    1,\n    title='é',\n    needs=NEEDS\n)", "(\n    1,\n    title='é'\n)"),
        ("(1, title='needs=(3)')", "(1, title='needs=(3)')"),
    ],
)
def test_needs_is_left_out(marker: str, expected: str) -> None:
    text = "x = 'é'; y = 1\n\n@pytest.mark.points{}\ndef test_x(submission): ...\n"
    result = visible(text.format(marker) + text.format(marker).replace("test_x", "test_y"))
    assert text.format(expected) + text.format(expected).replace("test_x", "test_y") in result


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ('"""Doc."""\nfrom __future__ import annotations\n', "import os"),
        ("# a comment\n", "import os"),
        ('"""Doc."""\n', "'not a docstring'"),
        ("", "x = 1"),
    ],
)
def test_the_head_stands_behind_docstring_and_future_imports(start: str, first: str) -> None:
    result = visible(f"{start}{first}\n")
    before, _, after = result.partition(HEAD)
    assert before.strip() == "\n".join(line for line in start.strip().splitlines() if not line.startswith("#"))
    assert first in after


@pytest.mark.parametrize(
    "line",
    [
        "import grader.testing",
        "from grader import testing",
        "from . import x",
        "import helpers",
        "if 1:\n    import grader",
    ],
)
def test_imports_that_students_lack_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "helpers.py").write_text("")
    with pytest.raises(SuiteError, match="students do not have") as caught:
        visible(f"import math\n{line}\n", tmp_path / "test_visible.py")
    assert caught.value.where.startswith(f"{tmp_path}/test_visible.py:")


@pytest.mark.parametrize("name", ["check_notebook", "hidden_check"])
def test_the_names_by_which_notebooks_run_a_check_are_taken(name: str) -> None:
    with pytest.raises(SuiteError, match=name) as caught:
        visible(f"import math\n\ndef {name}(): ...\n")
    assert caught.value.where == "test_visible.py:3"
