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
import typing as _typing

_FOLDER = _pathlib.Path(__file__).resolve().parent


def _code_cells(path: _pathlib.Path) -> list[tuple[int, str]]:
    """Pairs (number of the cell, source) of a notebook's code cells; its checks are not your work."""
    import json

    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(n, "".join(c["source"])) for n, c in enumerate(cells, start=1) if c["cell_type"] == "code" and _is_work(c)]


def _is_work(cell: dict[str, _typing.Any]) -> bool:
    noted = cell.get("metadata", {}).get("nbgrader", {})
    return not noted.get("grade") or bool(noted.get("solution"))


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
        """Your script or notebook as a module; in a notebook's check, what its cells have defined so far."""
        return _live[0] if _live else _load(_your_file())

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


class _Live(_types.ModuleType):
    """A running notebook as a module: its names are those that the cells run so far have defined."""

    def __init__(self, names: dict[str, _typing.Any]) -> None:
        super().__init__(_NAME)
        self.__names = names

    def __getattr__(self, name: str) -> _typing.Any:
        if name not in self.__names or name.startswith("__"):
            raise AttributeError(f"the notebook has no {name} yet; have you run the cell that defines it?")
        return self.__names[name]

    def __dir__(self) -> list[str]:
        return sorted(self.__names)


def check_notebook(names: dict[str, _typing.Any]) -> _typing.Callable[[_types.FunctionType], _types.FunctionType]:
    """Run the decorated check on the notebook that it stands in: ``@check_notebook(globals())``.

    A check that passes prints a line, and one that does not raises what is wrong.
    """

    def run(function: _types.FunctionType) -> _types.FunctionType:
        __tracebackhide__ = True
        problem = _problem(function, _Live(names))
        if problem is not None:
            raise problem
        print("passed")
        return function

    return run


def hidden_check() -> None:
    """Say that the check of this cell is hidden; where the cell itself is run for marks, it must not earn any."""
    if _os.environ.get("NBGRADER_EXECUTION") == "autograde":
        raise RuntimeError(
            "this check is hidden and has not been run; for the instructor: the grader's step Examine is missing "
            "from nbgrader_config.py, so run: grader nbgrader init"
        )
    print("hidden: it is run when your work is graded")


_live: list[_Live] = []  # the running notebook, while a check of it is under way


def _problem(function: _types.FunctionType, notebook: _Live) -> BaseException | None:
    """What pytest says of the test of this name, with the code as it stands in the notebook; None where it passes."""
    import contextlib
    import io
    import sys
    from unittest import mock

    here = vars(sys.modules[__name__])
    original = here[function.__name__]
    test = _types.FunctionType(function.__code__, here, function.__name__, original.__defaults__)
    test.__dict__.update(vars(original))  # its marks
    problems: list[BaseException] = []
    passed: list[str] = []
    out = sys.stdout

    class Listener:
        @_pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_protocol(self) -> _typing.Iterator[None]:
            with contextlib.redirect_stdout(out):  # what your code prints is for you, what pytest prints is not
                yield

        def pytest_runtest_makereport(self, call: _pytest.CallInfo[None]) -> None:
            if call.excinfo is not None:
                trace = call.excinfo.tb  # without the frames that are pytest's own
                while trace.tb_next is not None and trace.tb_frame.f_code is not function.__code__:
                    trace = trace.tb_next
                problems.append(call.excinfo.value.with_traceback(trace))
            elif call.when == "call":
                passed.append(call.when)

    # No settings and no plugins that happen to be here. A relative place: pytest reads a [ in an absolute one.
    place = _os.path.relpath(_FOLDER / _pathlib.Path(__file__).name)
    options = ["-q", "-x", "-c", _os.devnull, "--noconftest", "--assert=plain", "--import-mode=prepend", "--capture=no"]
    options += ["--rootdir", str(_FOLDER)]
    # The last one collects garbage five times at its end, a second in a large process.
    for plugin in ("cacheprovider", "faulthandler", "warnings", "logging", "unraisableexception"):
        options += ["-p", f"no:{plugin}"]
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    said = io.StringIO()
    with (
        mock.patch.dict(_os.environ, alone),
        mock.patch.dict(here, {function.__name__: test}),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(out),  # a warning is no failure, but Validate takes it for one on stderr
    ):
        _live.append(notebook)
        try:
            _pytest.main([*options, f"{place}::{function.__name__}"], plugins=[Listener()])
        finally:
            _live.clear()
    if problems or passed:
        return problems[0] if problems else None
    return RuntimeError(f"pytest has not run this check: {said.getvalue()}")
