"""A Ray cluster for one test."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.machines import Machines


@pytest.fixture
def machines(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """A cluster; the parameter holds the arguments of :class:`Machines`."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # killed actors leave their folders there
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")  # Ray's sockets need a short path
    monkeypatch.setenv("GRADER_LOCKS", str(tmp_path / "locks"))  # whatever else trains on this machine
    before = signal.getsignal(signal.SIGTERM)
    made = Machines(**request.param)
    try:
        yield made
    finally:
        made.cluster.shutdown()
        signal.signal(signal.SIGTERM, before)
