"""What the wall itself costs: a call across it, and a guest's life."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass

import numpy as np

from grader.model import Environment, Limits, SubmissionFiles
from grader.remote import RemoteSession
from grader.sandbox import open_sandbox

# 128 float64 are 1 KB, there and back.
NUMBERS = 128
# Calls of one kind in a row, so that both kinds meet the same machine.
ROUND = 50
MODULES = {
    Environment.NUMPY: b"import numpy as np\n\ndef double(x):\n    return 2 * x\n",
    Environment.TORCH: b"import torch\n\ndef double(x):\n    return 2 * x\n",
}


@dataclass(frozen=True, slots=True)
class Life:
    """Seconds of one guest."""

    spawn: float  # fork, and the first sign of it on the host
    load: float  # isolation and the module's import
    call: float  # the first call
    close: float  # until it and all its processes are gone


def call_seconds(rounds: int, sandbox: str = "bubblewrap") -> tuple[list[float], list[float]]:
    """Seconds of calls across the wall and of bare echoes of the same 1 KB through a socket to another process."""
    zygote = open_sandbox(sandbox).start(Environment.NUMPY, Limits())
    x = np.arange(NUMBERS, dtype=np.float64)
    calls, echoes = [], []
    try:
        session = RemoteSession(zygote, _files(Environment.NUMPY), Limits())
        with Echo() as echo:
            for number in range(rounds + 1):
                ours = [_timed(lambda: session.submission.double(x)) for _ in range(ROUND)]
                bare = [_timed(lambda: echo.send(x.tobytes())) for _ in range(ROUND)]
                if number:  # the first round is warm-up
                    calls += ours
                    echoes += bare
        session.close()
    finally:
        zygote.close()
    return calls, echoes


def lives(environment: Environment, count: int, sandbox: str = "bubblewrap") -> list[Life]:
    """Lives of ``count`` guests, one after the other; one more before them is warm-up."""
    zygote = open_sandbox(sandbox).start(environment, Limits())
    x = np.arange(NUMBERS, dtype=np.float64)
    found = []
    try:
        for _ in range(count + 1):
            session = RemoteSession(_Clocked(zygote), _files(environment), Limits())  # type: ignore[arg-type]
            loading = _timed(session.load)
            call = _timed(lambda session=session: session.submission.double(x))
            closing = _timed(session.close)
            spawn = session._zygote.seconds  # type: ignore[attr-defined]
            found.append(Life(spawn, loading - spawn, call, closing))
    finally:
        zygote.close()
    return found[1:]


class _Clocked:
    """A zygote that notes how long its last spawn took."""

    def __init__(self, zygote) -> None:
        self._zygote = zygote
        self.seconds = 0.0

    def spawn(self, shared=()):
        start = time.perf_counter()
        guest = self._zygote.spawn()
        self.seconds = time.perf_counter() - start
        return guest


class Echo:
    """A forked process that sends back what it gets: the floor for any call into another process."""

    def __enter__(self):
        self._socket, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._socket.close()
                while data := theirs.recv(65536):
                    theirs.sendall(data)
            finally:
                os._exit(0)
        theirs.close()
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()
        os.waitpid(self._pid, 0)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)
        left = len(data)
        while left:
            left -= len(self._socket.recv(left))


def _files(environment: Environment) -> SubmissionFiles:
    return SubmissionFiles("double", "double.py", {"double.py": MODULES[environment]})


def _timed(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
