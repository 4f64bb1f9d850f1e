"""The guest's end of memory that the host shares with it."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Any

# Descriptors that a fresh guest finds its shared memory at: this one and those after it.
FIRST_SHARED = 4
# Training images need one.
MAX_SHARED = 4
MAP_FAILED = ctypes.c_void_p(-1).value

_memories: list[Any] = []  # ctypes arrays over the mapped bytes, by number


def adopt(count: int) -> None:
    """Map the shared memory copy-on-write and close its descriptors, before any of a student's code runs.

    A descriptor would be a way from one run to the next: a file in memory is sealed, but its offset and its extended
    attributes (64 KiB each) are not, and every guest would find what an earlier one had left there. So nothing may
    keep one; ``mmap.mmap`` would.

    :param count: how many there are. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    for descriptor in range(FIRST_SHARED, FIRST_SHARED + count):
        size = os.fstat(descriptor).st_size
        address = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE, descriptor, 0)
        if address is None or address == MAP_FAILED:
            number = ctypes.get_errno()
            raise OSError(number, f"mmap of {size} shared bytes: {os.strerror(number)}")
        os.close(descriptor)
        _memories.append((ctypes.c_ubyte * size).from_address(address))


def map_array(node: dict[str, Any]) -> Any:
    """An ordinary, writable array over the shared memory; what is written into it stays in this process.

    :param node: ``n``, the number of the memory; ``d``, the dtype; ``s``, the shape.
    """
    import numpy

    return numpy.frombuffer(_memories[node["n"]], numpy.dtype(node["d"])).reshape(node["s"])
