"""The host's side of a guest that does not behave, without any sandbox around it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from grader.errors import InfrastructureError
from grader.model import Limits
from grader.sandbox import GuestTimeout
from grader.sandbox.process import GuestProcess
from grader.wall import frames

MUTE = "import time; time.sleep(60)"
# Says that it is isolated, answers once, and then talks without end and never listens.
TALKER = """
import socket, sys
wire = socket.socket(fileno=int(sys.argv[1]))
wire.sendall(bytes.fromhex(sys.argv[2]))
while True:
    wire.sendall(b"x" * 4096)
"""

Start = Callable[[str], GuestProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    processes: list[subprocess.Popen[bytes]] = []
    guests: list[GuestProcess] = []

    def run(code: str) -> GuestProcess:
        wire, theirs = socket.socketpair()
        output, printing = os.pipe()
        told = b"".join(part for message in ({"confined": True}, {"id": 1}) for part in frames.pack(message)).hex()
        command = [sys.executable, "-I", "-S", "-c", code, str(theirs.fileno()), told]
        processes.append(subprocess.Popen(command, pass_fds=(theirs.fileno(),)))
        theirs.close()
        os.close(printing)
        guests.append(GuestProcess(wire, output, os.pidfd_open(processes[-1].pid), Limits(), own_namespace=True))
        return guests[-1]

    yield run
    for guest in guests:
        guest.close()
    for process in processes:
        process.wait()


def test_who_is_never_isolated_is_the_graders_failure_and_not_the_submissions(start: Start) -> None:
    with pytest.raises(InfrastructureError, match="before it was isolated"):
        start(MUTE).exchange({"id": 1}, [], cpu_seconds=5.0, wall_seconds=0.2)


def test_who_ends_before_it_is_isolated_too(start: Start) -> None:
    with pytest.raises(InfrastructureError, match="before it was isolated"):
        start("pass").exchange({"id": 1}, [], cpu_seconds=5.0, wall_seconds=20.0)


def test_a_guest_that_talks_instead_of_listening_does_not_keep_the_host_busy(start: Start) -> None:
    guest = start(TALKER)
    assert guest.exchange({"id": 1}, [], cpu_seconds=60.0, wall_seconds=20.0) == ({"id": 1}, [])
    before = time.process_time()
    with pytest.raises(GuestTimeout):  # and not a ValueError, for which a test may wait
        guest.exchange({"id": 2}, [b"x" * (8 << 20)], cpu_seconds=60.0, wall_seconds=1.0)
    assert time.process_time() - before < 0.2


def test_whoever_is_condemned_too_late_takes_nobody_along(start: Start) -> None:
    """The number of a closed descriptor goes to what is opened next: here to another guest."""
    gone = start(MUTE)
    number = gone._pidfd
    gone.close()
    other = start(MUTE)
    held: list[int] = []
    while not held or held[-1] < number:  # until the number is taken again
        held.append(os.dup(other._pidfd))
    gone.condemn(GuestTimeout("too late"))
    for descriptor in held:
        os.close(descriptor)
    assert not other._death.poll(200)
    assert other.alive()
