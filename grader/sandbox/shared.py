"""Arrays in sealed memory that a guest maps instead of receiving them."""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from grader.errors import InfrastructureError

SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class SharedArray:
    """An array in an anonymous file that nobody can change any more.

    A guest that gets its descriptor maps it copy-on-write: to the submission it is an ordinary array, and what it
    writes into that stays its own. Several guests share the one copy. A context manager.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, fill: Callable[[np.ndarray], object]) -> None:
        """Make the memory, let ``fill`` write into the array, and seal it.

        Raises InfrastructureError where there is no room.
        """
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.nbytes = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        self._descriptor = -1
        try:
            self._descriptor = os.memfd_create("training data", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(self._descriptor, self.nbytes)
            # No context manager: it would raise an error of its own where `fill` raises, whose frames hold the view.
            memory = mmap.mmap(self._descriptor, self.nbytes)
            view = np.frombuffer(memory, self.dtype).reshape(self.shape)
            fill(view)
            del view
            memory.close()
            fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, SEALS)
        except (OSError, MemoryError) as error:
            self.close()
            raise InfrastructureError(
                f"there is no room for {self.nbytes >> 20} MiB of training data: {error}", remedy="free some memory"
            ) from error
        except BaseException:
            self.close()
            raise

    @classmethod
    def of(cls, array: np.ndarray) -> Self:
        """A sealed copy of an array."""
        return cls(array.shape, array.dtype, lambda view: np.copyto(view, array))

    @property
    def descriptor(self) -> int:
        """The file's descriptor; valid until :meth:`close`."""
        return self._descriptor

    def close(self) -> None:
        """Let go of the memory, which lives on in guests that have mapped it; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
