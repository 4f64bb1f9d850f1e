"""Arrays that cost a decompression, kept as .npy files that are memory-mapped read-only from then on.

An entry is a folder with ``images.npy``, ``labels.npy`` and ``entry.json``, which holds the sha256 of the two and is
written last. What an entry holds is decided by its name alone, so that whoever writes it writes the same bytes.
Checking 184 MB (CIFAR-10) takes 0.15 s, decompressing them ten times as long.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpu_runner.formats import Images, Labels

ARRAYS = ("images", "labels")
# Decompressing takes seconds; whoever holds the lock for longer has been stopped or hangs, and is not waited for.
LOCK_SECONDS = 60.0


def cached(entry: Path, make: Callable[[], tuple[Images, Labels]]) -> tuple[Images, Labels]:
    """The entry's images and labels, mapped read-only; made and written where there is no whole one.

    Where the cache cannot be used, the arrays are made in memory, read-only too. Errors of ``make`` come through.
    """
    arrays = _open(entry)
    if arrays is None:
        arrays = _fill(entry, make)
    return arrays


def _fill(entry: Path, make: Callable[[], tuple[Images, Labels]]) -> tuple[Images, Labels]:
    """Make the entry under its lock, so that processes that start together decompress once."""
    from filelock import FileLock

    made: tuple[Images, Labels] | None = None
    try:
        entry.mkdir(parents=True, exist_ok=True)
        with FileLock(entry / "lock", timeout=LOCK_SECONDS):
            arrays = _open(entry)
            if arrays is None:
                made = make()
                _write(entry, dict(zip(ARRAYS, made, strict=True)))
                arrays = _open(entry)
            if arrays is not None:
                return arrays
    except (OSError, NotImplementedError):  # the lock's Timeout is an OSError
        # A cache that is read-only, full, or on a file system without locks saves no time; it does no harm either.
        pass
    images, labels = made or make()
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def _open(entry: Path) -> tuple[Images, Labels] | None:
    """Map the entry; None where it is not there, not whole, or not what was written."""
    import numpy as np

    arrays: list[NDArray[Any]] = []
    try:
        expected = json.loads((entry / "entry.json").read_bytes())
        for name in ARRAYS:
            with (entry / f"{name}.npy").open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != expected[name]:
                    return None
            arrays.append(np.asarray(np.load(entry / f"{name}.npy", mmap_mode="r", allow_pickle=False)))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return arrays[0], arrays[1]


def _write(entry: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write the entry's files, each whole or not at all; the caller holds the lock, so names need not be unique."""
    import numpy as np

    digests = {}
    for name, array in arrays.items():
        # np.load maps what it can seek in; a replaced file stays as it was for whoever has it mapped.
        new = entry / f"{name}.npy.new"
        with new.open("w+b") as file:
            np.save(file, array, allow_pickle=False)
            file.seek(0)
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
        new.replace(entry / f"{name}.npy")
    new = entry / "entry.json.new"
    new.write_text(json.dumps(digests), encoding="ascii")
    new.replace(entry / "entry.json")
