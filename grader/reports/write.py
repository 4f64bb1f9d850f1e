"""Reports on disk: a file is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from grader.errors import InfrastructureError


def write_file(path: Path, text: str) -> None:
    """Write UTF-8 text; a reader never sees half of it, and a failure leaves what was there.

    :raises InfrastructureError: the folder or the file cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # it may be the folder itself that is missing
            temporary.unlink()
        raise InfrastructureError(
            f"cannot be written: {error.strerror or error}",
            where=path,
            remedy="make room or the folder writable, or name another place with --out",
        ) from error


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write every file of a report below ``folder``; names are relative."""
    for name, text in files.items():
        write_file(folder / name, text)

