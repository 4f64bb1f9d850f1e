"""A guest that is forked ahead of time is the one that the next spawn gives, and nothing else is different."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator

import pytest

from grader.model import Environment, Limits, SubmissionFiles
from grader.remote import RemoteSession
from grader.sandbox.registry import open_sandbox
from grader.sandbox.zygote import ZygoteProcess

WHO = SubmissionFiles("who", "who.py", {"who.py": b"import os\n\ndef number():\n    return os.getpid()\n"})


@pytest.fixture
def zygote() -> Iterator[ZygoteProcess]:
    started = open_sandbox("subprocess").start(Environment.NUMPY, Limits())
    assert isinstance(started, ZygoteProcess)
    yield started
    started.close()


def test_spawn_gives_the_prepared_guest_once(zygote: ZygoteProcess) -> None:
    zygote.prepare()
    zygote.prepare()  # one is enough
    prepared = zygote._prepared
    first, second = zygote.spawn(), zygote.spawn()
    assert first is prepared
    assert second is not prepared
    first.close()
    second.close()


def test_prepared_guest_serves_a_submission(zygote: ZygoteProcess) -> None:
    zygote.prepare()
    assert zygote._prepared is not None
    pid = zygote._prepared.pid
    session = RemoteSession(zygote, WHO, Limits())
    assert session.submission.number() == pid
    session.close()


def test_prepared_guest_that_died_is_replaced(zygote: ZygoteProcess) -> None:
    zygote.prepare()
    prepared = zygote._prepared
    assert prepared is not None
    signal.pidfd_send_signal(prepared._pidfd, signal.SIGKILL)
    prepared._death.poll()
    guest = zygote.spawn()
    assert guest is not prepared
    assert guest.alive()
    guest.close()


def test_disowned_guest_belongs_to_the_forked_child(zygote: ZygoteProcess) -> None:
    zygote.prepare()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            session = RemoteSession(zygote, WHO, Limits())
            code = 0 if session.submission.number() > 0 else 2
            session.close()
        finally:
            os._exit(code)
    zygote.disown()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    guest = zygote.spawn()  # the zygote still serves this process
    assert guest.alive()
    guest.close()


def test_closing_the_zygote_ends_a_prepared_guest(zygote: ZygoteProcess) -> None:
    zygote.prepare()
    assert zygote._prepared is not None
    death = os.dup(zygote._prepared._pidfd)
    zygote.close()
    poll = select.poll()
    poll.register(death, select.POLLIN)
    assert poll.poll(20_000)
    os.close(death)
