"""The tests of fashion_mnist_lenet that you can see. Run them in this folder with: python -m pytest test_visible.py

They need no data set: they draw stripes of five widths, lying and standing, which are much easier than clothes. Add -s
to see about how long the whole task would take: python -m pytest -s test_visible.py
"""

import warnings as _warnings

import pytest as _pytest

_warnings.filterwarnings("ignore", message=r"Unknown pytest\.mark\.points", category=_pytest.PytestUnknownMarkWarning)

import time

import numpy as np
import pytest

IMAGES, SIZE, CLASSES = 200, 28, 10
TRAINING_IMAGES = 60000  # of the whole task


def stripes(n, seed, contrast=90):
    """Images uint8 (n, 28, 28) of noisy stripes, and their labels int64 (n,): as many of each class, mixed."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n) % CLASSES).astype(np.int64)
    width = 3.0 + 1.5 * (labels % 5)
    place = 2 * np.pi * (np.arange(SIZE) / width[:, None] + generator.random((n, 1)))
    waves = np.where((labels < 5)[:, None, None], np.sin(place)[:, None, :], np.sin(place)[:, :, None])
    pixels = 128 + contrast * waves + generator.normal(0, 20, (n, SIZE, SIZE))
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


def assert_labels(answer, count):
    """Predictions must be an int64 array (count,) of labels 0 to 9."""
    assert isinstance(answer, np.ndarray), f"predict should return a NumPy array, not a {type(answer).__name__}"
    assert answer.shape == (count,), f"predict should return one label for each of {count} images, not {answer.shape}"
    assert answer.dtype == np.int64, f"the labels should be int64, not {answer.dtype}; astype(np.int64) converts them"
    assert ((answer >= 0) & (answer < CLASSES)).all(), "the labels should be numbers from 0 to 9"


@pytest.mark.points(
    0.5,
    title="predict returns one int64 label for each image, and nobody's images are changed",
    hint="Take the argmax of each image's scores and convert it: an int64 NumPy array of shape (m,). Work on copies.",
)
def test_labels(submission):
    images, labels = stripes(100, seed=1)
    unseen, _ = stripes(37, seed=2)
    before = images.copy(), labels.copy(), unseen.copy()
    model = submission.train(images, labels, seed=3, device="cpu")
    assert_labels(submission.predict(model, unseen), 37)
    # You hand over your arrays themselves; the grader hands over copies, where a change does no harm.
    for what, now, then in zip(("images", "labels", "new images"), (images, labels, unseen), before, strict=True):
        assert np.array_equal(now, then), f"the {what} were changed; work on a copy"


@pytest.mark.points(
    1,
    title="train learns something from 200 easy images",
    hint="Go through train line by line: are the images shuffled together with their labels, the gradients set to zero "
    "before each backward pass, the learning rate neither huge nor tiny? Does the "
    "loss get scores, not probabilities? Does predict prepare images as train does, "
    "with the model in evaluation mode? Two hundred images are few: a batch of 64 or less leaves enough steps to learn "
    "from them.",
)
def test_learns(submission):
    images, labels = stripes(IMAGES, seed=4)
    unseen, answers = stripes(IMAGES, seed=5)
    start = time.perf_counter()
    model = submission.train(images, labels, seed=6, device="cpu")
    predicted = submission.predict(model, unseen)
    seconds = time.perf_counter() - start
    assert_labels(predicted, IMAGES)
    right = (predicted == answers).mean()
    # Large data train in larger batches, so this is too much rather than too little.
    whole = seconds * TRAINING_IMAGES / IMAGES
    print(f"\n{IMAGES} images: {right:.0%} right in {seconds:.1f} s; all {TRAINING_IMAGES} here: {whole:.0f} s at most")
    assert right >= 0.4, f"{right:.0%} of the new images are right, not 40 % or more; guessing gives about 10 %"


@pytest.mark.points(
    0.5,
    title="the same seed gives the same predictions",
    hint="Seed everything random with the argument seed: initial weights, order of the images, shifts, dropout.",
)
def test_same_seed(submission):
    images, labels = stripes(100, seed=7)
    # Little contrast, so that small differences between two models show.
    faint, _ = stripes(IMAGES, seed=8, contrast=30)
    first, second = (
        submission.predict(submission.train(images, labels, seed=9, device="cpu"), faint) for _ in range(2)
    )
    assert_labels(first, IMAGES)
    assert_labels(second, IMAGES)
    assert len(np.unique(first)) > 1, "predict gives all images the same label"
    differ = int((first != second).sum())
    assert not differ, f"two runs with the same seed give {differ} of {IMAGES} images another label"


# ----------------------------------------------------------------------------------------------------------------------
# From here on: what lets this file run with plain pytest beside your work. There is nothing to change.

_NAME = "fashion_mnist_lenet"
_UNTOUCHED = {  # SHA-256 of the code as it was handed out, white space left out
    ".py": "92917e0ed31ca12c12fdd23f93b482572fc8de23016a8cc1f90b859c12cc842a",
    ".ipynb": "5433f6497089045134f166b7e1bd1c3541d686a657b647055ae1a71be4c33859",
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
