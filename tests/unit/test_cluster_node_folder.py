"""Folders of workers that may be killed: what is in use stays, what was left behind goes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from grader.cluster import NodeFolder

LEAVES = """
import os, sys, tempfile
tempfile.tempdir = sys.argv[1]
from grader.cluster import NodeFolder
folder = NodeFolder("test-")
(folder.path / "file").write_text("left")
os._exit(9)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "it's [odd]"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def test_a_folder_lasts_until_it_is_closed(temporary: Path) -> None:
    folder = NodeFolder("test-")
    assert folder.path.parent == temporary
    assert folder.path.stat().st_mode & 0o77 == 0
    (folder.subfolder("course") / "old").write_text("")
    assert list(folder.subfolder("course").iterdir()) == []
    other = NodeFolder("test-")
    assert folder.path.is_dir(), "it is in use"
    folder.close()
    folder.close()
    assert list(temporary.iterdir()) == [other.path]
    other.close()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_has_left_is_cleared_away(temporary: Path) -> None:
    assert subprocess.run([sys.executable, "-c", LEAVES, str(temporary)], timeout=60).returncode == 9
    [left] = temporary.iterdir()
    (temporary / "test-without-a-lock").mkdir()
    (temporary / "test-link").symlink_to(left)
    (temporary / "other-folder").mkdir()
    folder = NodeFolder("test-")
    assert not left.exists()
    folder.close()
    assert sorted(path.name for path in temporary.iterdir()) == ["other-folder", "test-link", "test-without-a-lock"]
