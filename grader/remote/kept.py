"""The limit of what the tests keep of a submission's values."""

from __future__ import annotations

import os
from pathlib import Path

from grader.sandbox import GuestMemory

MIB = 2**20
STATM = Path("/proc/self/statm")
PAGE = os.sysconf("SC_PAGE_SIZE")


class KeptMemory:
    """How much the tests' own process may grow while the submission decides how many values it gets.

    A test may well keep what its function is called with, or the items that it iterates over. Frames are bounded one by
    one; without end they would fill the memory of the machine. What is not kept costs nothing.

    :param memory_mb: MiB, counted from now on; what the submission itself may take.
    """

    def __init__(self, memory_mb: int) -> None:
        self._memory_mb = memory_mb
        self._start = own_bytes()

    def look(self) -> None:
        """GuestMemory where the process has grown by more."""
        if own_bytes() - self._start > self._memory_mb * MIB:
            raise GuestMemory(f"The submission has given the tests more than {self._memory_mb} MiB to keep.")


def own_bytes() -> int:
    """Resident bytes of this process that no file backs and nobody shares (/proc/self/statm, in pages)."""
    _size, resident, shared = STATM.read_bytes().split()[:3]
    return (int(resident) - int(shared)) * PAGE
