"""The guest's end of memory that the host shares with it."""

from __future__ import annotations

import mmap
from typing import Any

# Descriptors that a guest finds its shared memory at: this one and those after it.
FIRST_SHARED = 4
# Images and labels; room for a second pair.
MAX_SHARED = 4


def map_array(node: dict[str, Any]) -> Any:
    """An ordinary, writable array over the shared memory; what is written into it stays in this process.

    :param node: ``n``, the number of the memory; ``d``, the dtype; ``s``, the shape.
    """
    import numpy

    dtype = numpy.dtype(node["d"])
    memory = mmap.mmap(FIRST_SHARED + node["n"], 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    return numpy.frombuffer(memory, dtype).reshape(node["s"])
