"""The limit of what the tests keep of a submission's values."""

from __future__ import annotations

import ctypes
import gc
import os
from pathlib import Path

from grader.sandbox import GuestMemory

MIB = 2**20
STATM = Path("/proc/self/statm")
PAGE = os.sysconf("SC_PAGE_SIZE")
# Bytes that a byte of a frame's JSON may become: an empty dict in an empty dict was measured at 32.
JSON_FACTOR = 32
# What one test may leave to the next one before garbage is collected for its sake, which takes 0.1 s.
LEFT_BYTES = 64 * MIB


class KeptMemory:
    """How much the tests' own process may grow, during one test, by what a submission sends it.

    A test may keep answers, what its functions are called with, and items that it iterates over. Frames are bounded one
    by one; where the submission decides how many there are, they would fill the memory of the machine. What a test
    computes for itself is not charged: a submission has to have sent that much.

    :param memory_mb: MiB; what the submission itself may take.
    """

    def __init__(self, memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._first = own_bytes()
        self._start = self._first
        self._sent = 0  # bytes since the start that may still be kept

    def begin_test(self) -> None:
        """Count from here. Lets go of what the last test has left in cycles: tracebacks hold its variables."""
        self._start = own_bytes()
        self._sent = 0
        if self._start - self._first > LEFT_BYTES:
            self._start = collected_bytes()

    def receive(self, buffers: int, text: int) -> None:
        """Charge the bytes of a frame's buffers and of its JSON. GuestMemory where what is kept is too much."""
        self._sent += buffers + JSON_FACTOR * text
        most = self._memory_mb * MIB
        if self._sent <= most or own_bytes() - self._start <= most:
            return
        held = collected_bytes() - self._start
        if held > most:
            raise GuestMemory(f"What the submission has passed to the tests takes more than {self._memory_mb} MiB.")
        self._sent = max(0, held)


def own_bytes() -> int:
    """Resident bytes of this process that no file backs and nobody shares (/proc/self/statm, in pages)."""
    _size, resident, shared = STATM.read_bytes().split()[:3]
    return (int(resident) - int(shared)) * PAGE


def collected_bytes() -> int:
    """As :func:`own_bytes`, after all garbage was given back to the kernel."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim is not None:
        trim(0)
    return own_bytes()
