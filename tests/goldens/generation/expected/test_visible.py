"""Visible tests, with an em dash — and the docstring of
two lines."""

from __future__ import annotations

import warnings as _warnings

import pytest as _pytest

_warnings.filterwarnings("ignore", message=r"Unknown pytest\.mark\.points", category=_pytest.PytestUnknownMarkWarning)

import numpy as np
import pytest


@pytest.mark.points(1, title="ones", hint="é: no spread")
def test_ones(submission):
    mean, variance = submission.statistics(np.ones((3, 2)))
    assert mean.tolist() == [1.0, 1.0]
    assert variance.tolist() == [0.0, 0.0]


@pytest.mark.points(
    0.5,
    title="random rows",
    hint="rows",
)
def test_rows(submission, rng, score):
    score(0.5)
    assert submission.statistics(rng.normal(size=(4, 3)))[0].shape == (3,)


# ----------------------------------------------------------------------------------------------------------------------
# From here on: what lets this file run with plain pytest beside your work. There is nothing to change.

_NAME = "scaling"
_UNTOUCHED = {  # SHA-256 of the code as it was handed out, white space left out
    ".py": "74dd594760a9bb2a5f5f48edaf590f1047942d1076e1539ba80caaeced2a8d6a",
    ".ipynb": "974dab224815941f60d920c2b8bfdd9b306ac0c0da5ebbbe2e6cbf6e7657c4fd",
}

import os as _os
import pathlib as _pathlib
import types as _types

_FOLDER = _pathlib.Path(__file__).resolve().parent


def _code_cells(path: _pathlib.Path) -> list[tuple[int, str]]:
    """Pairs (number of the cell, source) of a notebook's code cells."""
    import json

    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(n, "".join(c["source"])) for n, c in enumerate(cells, start=1) if c["cell_type"] == "code"]


def _code(path: _pathlib.Path) -> str:
    if path.suffix == ".ipynb":
        return "\n".join(source for _, source in _code_cells(path))
    return path.read_text(encoding="utf-8")


def _your_file() -> _pathlib.Path:
    """Your script or your notebook, whichever you have changed."""
    import hashlib

    there = [path for path in (_FOLDER / f"{_NAME}.py", _FOLDER / f"{_NAME}.ipynb") if path.is_file()]
    if not there:
        _pytest.fail(f"There is neither {_NAME}.py nor {_NAME}.ipynb beside {__file__}.", pytrace=False)
    # White space is left out: an editor may change it without your doing.
    digests = {path: hashlib.sha256("".join(_code(path).split()).encode()).hexdigest() for path in there}
    changed = [path for path in there if digests[path] != _UNTOUCHED[path.suffix]]
    if len(changed) > 1:
        _pytest.fail(
            f"You have changed both {_NAME}.py and {_NAME}.ipynb; move the one that you do not hand in elsewhere.",
            pytrace=False,
        )
    return (changed or there)[0]


def _load(path: _pathlib.Path) -> _types.ModuleType:
    """Import the script, or run the notebook's code cells in order, where a cell that raises is skipped."""
    import linecache
    import sys

    _os.environ.setdefault("MPLBACKEND", "Agg")
    sys.path.insert(0, str(_FOLDER))
    module = sys.modules[_NAME] = _types.ModuleType(_NAME)
    module.__file__ = str(path)
    if path.suffix == ".py":
        exec(compile(path.read_bytes(), str(path), "exec", dont_inherit=True), module.__dict__)
        return module
    module.__dict__.update(get_ipython=_Shell, display=lambda *_values, **_options: None)
    for number, source in _code_cells(path):
        name = f"cell {number}"
        try:
            text = _plain_python(source)
            linecache.cache[name] = (len(text), None, text.splitlines(True), name)
            exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
        except Exception as error:
            print(f"{path.name}, {name} raised {type(error).__name__}: {error}", file=sys.stderr)
    return module


def _plain_python(source: str) -> str:
    """A cell without magics and shell commands."""
    first, _, body = source.lstrip().partition("\n")
    if first.startswith("%%"):
        python = first[2:].split()[:1] in (["time"], ["timeit"], ["capture"], ["prun"], ["matplotlib"])
        source = body if python else ""
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        lines = source.splitlines(True)
        return "".join("\n" if line.lstrip().startswith(("%", "!")) else line for line in lines)
    return str(TransformerManager().transform_cell(source))


class _Shell:
    """Answers ``get_ipython()``: every magic does nothing."""

    def __getattr__(self, _name: str) -> object:
        return lambda *_arguments, **_options: None


if "GRADER_SUITE_RUN" not in _os.environ:  # the grader brings fixtures of its own

    @_pytest.fixture(scope="session")
    def submission() -> _types.ModuleType:
        """Your script or notebook as a module."""
        return _load(_your_file())

    @_pytest.fixture(scope="session")
    def submission_source() -> str:
        """Its source text; of a notebook the code cells."""
        return _code(_your_file())

    @_pytest.fixture
    def rng(request: _pytest.FixtureRequest) -> object:
        """Random inputs, the same in each run."""
        import zlib

        import numpy

        return numpy.random.default_rng(zlib.crc32(request.node.name.encode()))

    @_pytest.fixture
    def score() -> object:
        """Part marks count only when the work is graded."""
        return lambda _fraction: None
