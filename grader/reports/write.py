"""Files that are there whole or not at all: reports, and what is generated for students."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from grader.errors import InfrastructureError

REMEDY = "make room or the folder writable, or name another place with --out"


def write_file(path: Path, text: str, *, remedy: str = REMEDY) -> None:
    """Write UTF-8 text; a reader never sees half of it, and a failure or an interruption leaves what was there.

    :param remedy: what to do where it cannot be written.
    :raises InfrastructureError: the folder or the file cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):  # it may be the folder itself that is missing
            temporary.unlink()
        if isinstance(error, OSError):
            said = f"cannot be written: {error.strerror or error}"
            raise InfrastructureError(said, where=path, remedy=remedy) from error
        raise


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write every file of a report below ``folder``; names are relative."""
    for name, text in files.items():
        write_file(folder / name, text)
