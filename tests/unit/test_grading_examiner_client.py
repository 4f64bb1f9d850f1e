"""An examiner that cannot be started, or is given up while it starts: no process and no traceback of ours is left."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from grader.errors import InfrastructureError
from grader.grading import examiner_client
from grader.grading.examiner_client import ExaminerClient
from tests.fakes.examiner import make_assignment


def start(root: Path, **options: object) -> ExaminerClient:
    return ExaminerClient(
        make_assignment(root),
        1,
        sandbox="subprocess",
        suites=("test_visible.py",),
        preload=(),
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("part", ["tempfile.TemporaryFile", "socket.socketpair", "subprocess.Popen"])
def test_a_machine_without_room_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    module, _, name = part.partition(".")
    monkeypatch.setattr(getattr(examiner_client, module), name, fail)
    with pytest.raises(InfrastructureError, match="cannot be started: No space left on device"):
        start(tmp_path)


def test_an_interruption_while_it_starts_leaves_no_process(tmp_path: Path) -> None:
    clients: list[ExaminerClient] = []

    def interrupt(client: ExaminerClient) -> None:
        clients.append(client)
        assert client.alive
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, started=interrupt)
    assert not clients[0].alive


def test_what_keeps_an_examiner_from_starting_is_told(tmp_path: Path) -> None:
    """Its suites' folder is not there; the client hears of it before the process ends."""
    with pytest.raises(InfrastructureError, match="No such file or directory"):
        ExaminerClient(
            make_assignment(tmp_path), 1, sandbox="subprocess", suites=(str(tmp_path / "no" / "test.py"),), preload=()
        )
