"""A temporary folder of a worker that may be killed at any time: the next worker on that machine clears it away."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

LOCK = "lock"


class NodeFolder:
    """A folder in this machine's temporary folder; for this user alone, as tempfile makes it.

    A lock, which ends with the process however that ends, tells a folder in use from one that was left behind.
    """

    def __init__(self, prefix: str) -> None:
        """Make one, after clearing away those of killed processes with the same prefix.

        :param prefix: begins the folder's name; tells what it is for.
        Raises OSError where there is no room.
        """
        _clear_away(prefix)
        # Under another name until it is locked, so that nobody takes it for one that was left behind.
        made = Path(tempfile.mkdtemp(prefix=f"new-{prefix}"))
        self._lock = os.open(made / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = made.rename(made.with_name(made.name.removeprefix("new-")))

    def subfolder(self, name: str) -> Path:
        """A new, empty folder in it; what was there under this name is removed."""
        path = self.path / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path

    def close(self) -> None:
        """Remove it; safe to call twice."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _clear_away(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):  # in use (BlockingIOError), another user's, or gone already
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
