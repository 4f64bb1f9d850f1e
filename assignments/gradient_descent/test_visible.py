"""The tests of gradient_descent that you have, too: numbers that you can check by hand.

Each test says in words what it expects. Hidden tests ask the same of data that you have not seen.
"""

import warnings as _warnings

import pytest as _pytest

_warnings.filterwarnings("ignore", message=r"Unknown pytest\.mark\.points", category=_pytest.PytestUnknownMarkWarning)

import numpy as np
import pytest


def lesson_data():
    """The 17 points of the lesson; new arrays for each test, so that no test sees what another has done to its own."""
    x = [3.3, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167, 7.042, 10.791, 5.313, 7.997, 5.654, 9.27, 3.1]
    y = [1.7, 2.76, 2.09, 3.19, 1.694, 1.573, 3.366, 2.596, 2.53, 1.221, 2.827, 3.465, 1.65, 2.904, 2.42, 2.94, 1.3]
    return np.array(x).reshape(17, 1), np.array(y)


def check_number(value, expected, what):
    assert isinstance(value, (float, np.floating)), f"{what} should be a float; it is a {type(value).__name__}"
    assert value == pytest.approx(expected, rel=1e-5), f"{what} should be {expected}; it is {value}"


def check_array(value, expected, what):
    expected = np.array(expected)
    assert isinstance(value, np.ndarray), f"{what} should be a NumPy array; it is a {type(value).__name__}"
    assert value.shape == expected.shape, f"{what} should have shape {expected.shape}; it has {value.shape}"
    assert np.allclose(value, expected, rtol=1e-5), f"{what} should be {expected}; it is {value}"


def check_tuple(value, length, what):
    assert isinstance(value, (tuple, list)), f"{what} should return a tuple; it returned a {type(value).__name__}"
    assert len(value) == length, f"{what} should return {length} values; it returned {len(value)}"
    return value


@pytest.mark.points(
    1,
    title="predict: three samples, two features",
    hint="Matrix times vector: X @ w has one entry for each sample. Then add b.",
)
def test_predict_three_samples(submission):
    prediction = submission.predict(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([10.0, 1.0]), 0.5)
    check_array(prediction, [12.5, 34.5, 56.5], "predict")


@pytest.mark.points(
    1,
    title="mse_loss: the lesson's data",
    hint="Square the residuals, add them up, divide by 2 n. Does predict return shape (n,)?",
)
def test_loss_on_lesson(submission):
    X, y = lesson_data()
    check_number(submission.mse_loss(X, y, np.array([0.0]), 0.0), 3.0500161, "the loss of w = 0, b = 0")
    check_number(submission.mse_loss(X, y, np.array([0.25]), 0.8), 0.0769765, "the loss of w = 0.25, b = 0.8")


@pytest.mark.points(
    1,
    title="mse_gradient: the lesson's data",
    hint="The residual is prediction minus target. Both parts are means over the samples, with no further factor.",
)
def test_gradient_on_lesson(submission):
    X, y = lesson_data()
    grad_w, grad_b = check_tuple(submission.mse_gradient(X, y, np.array([0.0]), 0.0), 2, "mse_gradient")
    check_array(grad_w, [-16.1186791], "grad_w at w = 0, b = 0")
    check_number(grad_b, -2.3662353, "grad_b at w = 0, b = 0")


@pytest.mark.points(
    1,
    title="gradient_descent: the lesson's data",
    hint="Each epoch: note the loss, compute both slopes, then step against them, learning_rate times the slope.",
)
def test_gradient_descent_on_lesson(submission):
    X, y = lesson_data()
    answer = submission.gradient_descent(X, y, np.array([0.0]), 0.0, 0.01, 100)
    w, b, history = check_tuple(answer, 3, "gradient_descent")
    check_array(w, [0.3451275], "w after 100 epochs")
    check_number(b, 0.1359810, "b after 100 epochs")
    assert len(history) == 100, f"history should have one loss for each of the 100 epochs; it has {len(history)}"
    check_array(np.array(history[:3], dtype=float), [3.0500161, 0.9951968, 0.3771847], "the first three losses")


@pytest.mark.points(
    1,
    title="sgd: one batch of all samples",
    hint="A batch of all n samples makes one step in each epoch, and their order does not matter.",
)
def test_sgd_with_one_batch(submission, rng):
    X, y = lesson_data()
    w, b = check_tuple(submission.sgd(X, y, np.array([0.0]), 0.0, 0.01, 3, 17, rng), 2, "sgd")
    check_array(w, [0.2979076], "w after 3 epochs")
    check_number(b, 0.0447969, "b after 3 epochs")


# ----------------------------------------------------------------------------------------------------------------------
# From here on: what lets this file run with plain pytest beside your work. There is nothing to change.

_NAME = "gradient_descent"
_UNTOUCHED = {  # SHA-256 of the code as it was handed out, white space left out
    ".py": "cf3e7eda24698b57435e3dd9807461ce516c0a2ec5f9319f407c320fcdbc275c",
    ".ipynb": "63c03c0a873e06814bd4509bad437214dcbf8251f1d9191ff357728ef82718fb",
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
