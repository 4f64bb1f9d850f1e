"""All four files of a tiny assignment, byte for byte.

After a change that is meant: ``python tests/goldens/generation/regenerate.py``, then read ``git diff``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.course import load_course
from grader.generation import generate_texts

GOLDENS = Path(__file__).resolve().parents[1] / "goldens" / "generation"
FILES = ("scaling.py", "scaling.ipynb", "README.md", "test_visible.py")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Generated from a copy under an odd path: where the course lies must not show."""
    root = tmp_path_factory.mktemp("odd") / "it's a \"course\""
    shutil.copytree(GOLDENS / "course", root)
    (assignment,) = load_course(root).assignments
    return generate_texts(assignment)


def test_exactly_these_files_are_generated(texts: dict[str, str]) -> None:
    assert sorted(texts) == sorted(FILES)
    assert sorted(path.name for path in (GOLDENS / "expected").iterdir() if path.is_file()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_generated_is_golden(texts: dict[str, str], name: str) -> None:
    assert texts[name] == (GOLDENS / "expected" / name).read_bytes().decode()
