"""The tests of lenet_forward that you can see. Run them in this folder with: python -m pytest test_visible.py"""

import warnings as _warnings

import pytest as _pytest

_warnings.filterwarnings("ignore", message=r"Unknown pytest\.mark\.points", category=_pytest.PytestUnknownMarkWarning)

import math

import pytest
import torch


def averaging_params():
    """Every unit takes the mean of its inputs: weights 1/(number of inputs), biases 0."""
    shapes = {"conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (84, 120), "fc3": (10, 84)}
    params = {}
    for layer, shape in shapes.items():
        params[f"{layer}.weight"] = torch.full(shape, 1 / math.prod(shape[1:]))
        params[f"{layer}.bias"] = torch.zeros(shape[0])
    return params


@pytest.mark.points(
    1.5,
    title="LeNet: three blank pictures give three rows of ten logits",
    hint="LeNet() is a torch.nn.Module; called with pictures (n, 1, 28, 28) it returns logits (n, 10).",
)
def test_lenet_first_call(submission):
    logits = submission.LeNet()(torch.zeros(3, 1, 28, 28))
    assert isinstance(logits, torch.Tensor), "LeNet()(x) should be a torch tensor"
    assert tuple(logits.shape) == (3, 10), f"LeNet()(x) should have shape (3, 10), not {tuple(logits.shape)}"
    assert torch.isfinite(logits).all(), "every logit should be a finite number"
    assert torch.allclose(logits[0], logits[1], atol=1e-6), "equal pictures should get equal logits"


@pytest.mark.points(
    2,
    title="lenet_forward: the worked example, a blank picture through averaging layers",
    hint="Follow the table of the worked example: print the first value behind each layer and compare. "
    "The activation is a sigmoid, behind conv1, conv2, fc1 and fc2, and not behind fc3.",
)
def test_forward_blank_picture(submission):
    logits = submission.lenet_forward(torch.zeros(1, 1, 28, 28), averaging_params())
    assert isinstance(logits, torch.Tensor), "lenet_forward should return a torch tensor"
    assert tuple(logits.shape) == (1, 10), f"the logits should have shape (1, 10), not {tuple(logits.shape)}"
    value = 0.0
    for _ in range(4):
        value = 1 / (1 + math.exp(-value))
    close = torch.allclose(logits, torch.full((1, 10), value), atol=1e-4)
    assert close, f"each logit should be {value:.4f}; the first is {logits[0, 0]:.4f}"


@pytest.mark.points(
    1,
    title="layer_shapes: first and last layer",
    hint="layer_shapes() returns 12 pairs (layer class name, output shape), the input picture not among them.",
)
def test_layer_shapes_ends(submission):
    shapes = submission.layer_shapes()
    assert isinstance(shapes, (list, tuple)), "layer_shapes should return a list"
    assert len(shapes) == 12, f"LeNet has 12 layers; the list has {len(shapes)} entries"
    assert len(shapes[0]) == 2, "each entry should be a pair (layer class name, output shape)"
    assert (shapes[0][0], tuple(shapes[0][1])) == ("Conv2d", (1, 6, 28, 28)), f"the first entry is {shapes[0]}"
    assert (shapes[-1][0], tuple(shapes[-1][1])) == ("Linear", (1, 10)), f"the last entry is {shapes[-1]}"


@pytest.mark.points(
    0.5,
    title="connection_counts: the keys, and C1 as in the paper",
    hint="connection_counts() returns a dict with the keys C1, C5 and F6; C1 has 122304 connections.",
)
def test_connections_of_c1(submission):
    counts = submission.connection_counts()
    assert isinstance(counts, dict), "connection_counts should return a dict"
    assert set(counts) == {"C1", "C5", "F6"}, f"the keys should be C1, C5 and F6, not {sorted(counts)}"
    assert counts["C1"] == 122304, f"C1 should have 122304 connections, not {counts['C1']}"


# ----------------------------------------------------------------------------------------------------------------------
# From here on: what lets this file run with plain pytest beside your work. There is nothing to change.

_NAME = "lenet_forward"
_UNTOUCHED = {  # SHA-256 of the code as it was handed out, white space left out
    ".py": "f0797eda3c21f95e933d61bbc01d8d8d8739eda57779b27a5bbcd1be90b9c7b3",
    ".ipynb": "a47768aaa658db3dd976d496c363f5f53f0902ad3c0fd0a3748b259f99c647b7",
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
