"""The pytest plugin of autotests: the ``points`` marker, fixtures ``submission``, ``submission_source``, ``rng`` and
``score``.

Under the examiner the submission lives behind the wall. Under plain pytest it is an ordinary module of this process:
``pytest autotests/gradient_descent --submission solutions/gradient_descent/gradient_descent.py``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--submission", metavar="FILE", help="module under test, for autotests run with plain pytest")
    parser.addoption(
        "--grader-seed", type=int, default=0, metavar="N", help="seed of the rng fixture under plain pytest"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "points(n, title=…, hint=…, needs=(…)): marks for this test function; parametrised cases share them; "
        "needs names tests whose failure may make this one fail too",
    )


def derive_rng(*parts: object) -> np.random.Generator:
    """A generator seeded by what it is for, so that a regrade draws the same inputs."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def _load(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise pytest.UsageError(f"--submission {path}: not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module


class Examination(Protocol):
    """What the examiner puts in the place of an ordinary module."""

    submission: Any  # behaves as the student's module
    source: str  # its text
    seed: tuple[object, ...]  # what the rng fixture is seeded with, besides the test


EXAMINATION = pytest.StashKey[Examination]()
SCORE = pytest.StashKey[float]()


@pytest.fixture(scope="session")
def submission(request: pytest.FixtureRequest) -> Any:
    """The student's module; behind the wall under the examiner."""
    examination = request.config.stash.get(EXAMINATION, None)
    if examination is not None:
        return examination.submission
    path = request.config.getoption("--submission")
    if not path:
        raise pytest.UsageError("name the module under test: --submission FILE")
    return _load(Path(path).resolve())


@pytest.fixture(scope="session")
def submission_source(request: pytest.FixtureRequest) -> str:
    """The student's source text; for a notebook its code cells, one after the other."""
    examination = request.config.stash.get(EXAMINATION, None)
    if examination is not None:
        return examination.source
    return Path(request.config.getoption("--submission")).read_text(encoding="utf-8")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Fresh random inputs: seeded by course, assignment, student and test, so that a regrade repeats them."""
    examination = request.config.stash.get(EXAMINATION, None)
    seed = (request.config.getoption("--grader-seed"),) if examination is None else examination.seed
    return derive_rng(*seed, request.node.name)


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Callable[[float], None]:
    """Part marks: ``score(0.5)`` secures that fraction of the test's points even if the test fails later."""

    def record(fraction: float) -> None:
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"score takes a fraction from 0 to 1, not {fraction!r}")
        request.node.stash[SCORE] = float(fraction)

    return record
