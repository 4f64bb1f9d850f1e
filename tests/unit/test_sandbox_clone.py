"""A clone of a zygote: as warm as what it was forked from, with a life of its own within that one's."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest

from grader.errors import InfrastructureError
from grader.model import Environment, SubmissionFiles
from grader.remote import RemoteSession
from grader.sandbox import Zygote
from grader.sandbox.registry import open_sandbox
from tests.conftest import SMALL

WHO = SubmissionFiles("who", "who.py", {"who.py": b"import os\n\ndef number():\n    return os.getpid()\n"})


@pytest.fixture(params=["subprocess", "bubblewrap"])
def zygote(request: pytest.FixtureRequest) -> Iterator[Zygote]:
    started = open_sandbox(request.param).start(Environment.NUMPY, SMALL)
    yield started
    started.close()


def number(zygote: Zygote) -> int:
    """Whether a guest of this zygote serves; its process number in its own namespace."""
    session = RemoteSession(zygote, WHO, SMALL)
    try:
        return int(session.submission.number())
    finally:
        session.close()


def test_a_clone_and_its_origin_both_serve(zygote: Zygote) -> None:
    clone = zygote.clone()
    assert clone.versions == zygote.versions
    for each in (clone, zygote, clone.clone()):
        assert number(each) > 0


def test_guests_of_a_clone_are_confined_as_others_are(zygote: Zygote) -> None:
    assert (number(zygote) == 1) == (number(zygote.clone()) == 1), "process 1 of its own namespace, or of none"


def test_closing_a_clone_leaves_its_origin(zygote: Zygote) -> None:
    clone = zygote.clone()
    clone.close()
    assert number(zygote) > 0
    with pytest.raises(InfrastructureError):
        clone.spawn()


def test_a_clone_ends_with_its_origin(zygote: Zygote) -> None:
    clone = zygote.clone()
    guest = clone.spawn()
    pidfd = os.pidfd_open(guest.pid)
    zygote.close()
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(20_000), "the clone's guest is still there"
    os.close(pidfd)
    guest.close()
    with pytest.raises(InfrastructureError):
        clone.spawn()


def test_a_zygote_can_be_awaited_later() -> None:
    started = open_sandbox("subprocess").start(Environment.NUMPY, SMALL, wait=False)
    try:
        started.await_ready()
        started.await_ready()
        assert started.versions["numpy"]
        assert number(started) > 0
    finally:
        started.close()
