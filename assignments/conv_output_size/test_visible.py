"""Visible tests of conv_output_size: the examples of the assignment, counted by hand.

Run them with ``pytest`` in the folder of your solution. More tests, with other numbers, run when it is graded.
"""

import warnings as _warnings

import pytest as _pytest

_warnings.filterwarnings("ignore", message=r"Unknown pytest\.mark\.points", category=_pytest.PytestUnknownMarkWarning)

import numpy as np
import pytest


def check_int(actual, expected, call):
    """Assert that ``actual`` is an int (Python's or NumPy's) with the expected value."""
    is_int = isinstance(actual, (int, np.integer)) and not isinstance(actual, bool)
    assert is_int, f"{call} should be an int, but it is of type {type(actual).__name__}"
    assert actual == expected, f"{call} should be {expected}, not {actual}"


@pytest.mark.points(
    1, title="Convolution: sizes counted by hand", hint="Count the positions of the window on paper first."
)
def test_conv_by_hand(submission):
    check_int(submission.conv_output_size(7, 3, stride=2), 3, "conv_output_size(7, 3, stride=2)")
    check_int(submission.conv_output_size(10, 3), 8, "conv_output_size(10, 3)")
    check_int(submission.conv_output_size(9, 5, padding=1), 7, "conv_output_size(9, 5, padding=1)")
    check_int(submission.conv_output_size(200, 5, 2, 1), 99, "conv_output_size(200, 5, 2, 1)")


@pytest.mark.points(
    1, title="Pool: sizes counted by hand", hint="Without a stride, the windows of a pool lie side by side."
)
def test_pool_by_hand(submission):
    check_int(submission.pool_output_size(8, 2), 4, "pool_output_size(8, 2)")
    check_int(submission.pool_output_size(5, 2), 3, "pool_output_size(5, 2)")
    check_int(submission.pool_output_size(5, 2, ceil_mode=False), 2, "pool_output_size(5, 2, ceil_mode=False)")
    check_int(submission.pool_output_size(99, 3, stride=1), 97, "pool_output_size(99, 3, stride=1)")


@pytest.mark.points(
    1,
    title="SAME padding and transposed convolution: sizes counted by hand",
    hint="SAME asks only for size and stride; a transposed convolution stamps its kernel once per input pixel.",
)
def test_same_and_transposed_by_hand(submission):
    check_int(submission.same_output_size(7, stride=2), 4, "same_output_size(7, stride=2)")
    call = "transposed_conv_output_size(4, 4, stride=2, padding=1)"
    check_int(submission.transposed_conv_output_size(4, 4, stride=2, padding=1), 8, call)


@pytest.mark.points(
    1,
    title="The worked example: 200 → 99 → 97 → 97",
    hint="Each layer starts from the size that the layer before it left; the input's own size is not in the list.",
)
def test_worked_example(submission):
    layers = [
        {"kind": "conv", "kernel": 5, "stride": 2, "padding": 1},
        {"kind": "pool", "kernel": 3, "stride": 1},
        {"kind": "conv", "kernel": 3, "padding": 1},
    ]
    sizes = submission.stack_output_sizes(200, layers)
    assert isinstance(sizes, (list, tuple)), f"stack_output_sizes should return a list, not a {type(sizes).__name__}"
    assert len(sizes) == 3, f"there are 3 layers, so there should be 3 sizes, not {len(sizes)}"
    for number, (actual, expected) in enumerate(zip(sizes, [99, 97, 97], strict=True), start=1):
        check_int(actual, expected, f"the size after layer {number}")


@pytest.mark.points(
    1,
    title="Receptive field: what 3x3 convolutions see",
    hint="One layer of 3x3 sees 3 pixels; each further one adds kernel - 1 pixels.",
)
def test_receptive_field_by_hand(submission):
    layer = {"kind": "conv", "kernel": 3, "padding": 1}
    for depth, expected in [(1, 3), (2, 5), (3, 7)]:
        call = f"the receptive field of {depth} convolution(s) of 3x3"
        check_int(submission.receptive_field([dict(layer) for _ in range(depth)]), expected, call)


# ----------------------------------------------------------------------------------------------------------------------
# From here on: what lets this file run with plain pytest beside your work. There is nothing to change.

_NAME = "conv_output_size"
_UNTOUCHED = {  # SHA-256 of the code as it was handed out, white space left out
    ".py": "98449f5b32af7bb0fb1940b70e171b251c4c0dfe6cdcebe1d4ee9804ba2db128",
    ".ipynb": "2bad90664208ddb40a87bea1522330cf223f1dbfcd01c3b5b08697517b228b57",
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
