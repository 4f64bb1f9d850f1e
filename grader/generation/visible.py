"""autotests/<a>/test_visible.py → the students' copy, which runs with plain pytest beside their work."""

from __future__ import annotations

import ast
import hashlib
import re
from importlib import resources
from pathlib import Path

from grader.errors import SuiteError

# By these names a notebook's cells run one of the tests, or say that it is hidden. Of all that is appended they alone
# have no leading underscore, but for the fixtures, which a suite may well define itself.
CHECK = "check_notebook"
HIDDEN = "hidden_check"

# Without the grader's plugin pytest warns about the mark when the suite is imported; this silences that one warning.
_HEAD = '''\
import warnings as _warnings

import pytest as _pytest

_warnings.filterwarnings("ignore", message=r"Unknown pytest\\.mark\\.points", category=_pytest.PytestUnknownMarkWarning)

'''
_FOOT = '''

# ----------------------------------------------------------------------------------------------------------------------
# From here on: what lets this file run with plain pytest beside your work. There is nothing to change.

_NAME = "{name}"
_UNTOUCHED = {{  # SHA-256 of the code as it was handed out, white space left out
    ".py": "{script}",
    ".ipynb": "{notebook}",
}}

'''


def make_visible_suite(text: str, path: Path, name: str, script: str, notebook_code: str) -> str:
    """Return the students' test_visible.py.

    ``needs`` is left out, since it may name hidden tests. The rest of the suite stands as the author wrote it,
    between a short head and what provides the fixtures (:mod:`grader.generation.standalone`).

    :param text: the suite's source; :func:`~grader.course.read_suite` has accepted it.
    :param path: its file, for messages.
    :param name: the assignment's name.
    :param script: the stub, as students receive it.
    :param notebook_code: the code cells of the notebook, as they receive it.
    :raises SuiteError: the suite imports what students do not have, or defines what is appended to it.
    """
    _refuse_imports(ast.parse(text), path)
    _refuse_names(ast.parse(text), path)
    text = _without_needs(text)
    lines = text.splitlines(keepends=True)
    cut = _end_of_head(ast.parse(text))
    head = "".join(lines[:cut]).rstrip("\n")
    foot = _FOOT.format(name=name, script=_digest(script), notebook=_digest(notebook_code))
    body = "".join(lines[cut:]).strip("\n")
    return f"{head}\n\n{_HEAD}{body}\n{foot}{_standalone()}".lstrip("\n")


def _digest(text: str) -> str:
    return hashlib.sha256("".join(text.split()).encode()).hexdigest()


def _standalone() -> str:
    source = resources.files("grader.generation").joinpath("standalone.py").read_text(encoding="utf-8")
    return source.partition("# --- cut ---\n")[2]


def _refuse_imports(tree: ast.Module, path: Path) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            modules = ["." if node.level else (node.module or "")]
        elif isinstance(node, ast.Import):
            modules = [item.name for item in node.names]
        else:
            continue
        for module in modules:
            if module == "." or module.split(".")[0] == "grader" or (path.parent / f"{module}.py").exists():
                raise SuiteError(
                    f"the visible tests import {module}, which students do not have",
                    where=f"{path}:{node.lineno}",
                    remedy="write what they need into test_visible.py itself",
                )


def _refuse_names(tree: ast.Module, path: Path) -> None:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in (CHECK, HIDDEN):
            raise SuiteError(
                f"the visible tests define {node.name}, which the end of the students' copy defines, too",
                where=f"{path}:{node.lineno}",
                remedy="give it another name",
            )


def _end_of_head(tree: ast.Module) -> int:
    """Number of lines up to the end of the docstring and the ``from __future__`` imports, which must come first."""
    end = 0
    for index, node in enumerate(tree.body):
        docstring = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            break
        end = node.end_lineno or 0
    return end


def _without_needs(text: str) -> str:
    """Cut the keyword ``needs`` out of the points markers."""
    tree = ast.parse(text)
    keywords = [
        keyword
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr == "points"
        for keyword in decorator.keywords
        if keyword.arg == "needs"
    ]
    data = text.encode()  # ast counts columns in bytes of UTF-8
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for keyword in sorted(keywords, key=lambda keyword: keyword.lineno, reverse=True):
        start = starts[keyword.lineno - 1] + keyword.col_offset
        end = starts[(keyword.end_lineno or 0) - 1] + (keyword.end_col_offset or 0)
        before = data[:start].rstrip()
        after = data[end:]
        if before.endswith(b","):  # the comma before goes; one behind it stays for the argument before
            before = before[:-1]
            data = before + (after if re.match(rb"\s*[,)]", after) else b"," + after)
        else:
            data = before + re.sub(rb"^\s*,", b"", after)
    return data.decode()
