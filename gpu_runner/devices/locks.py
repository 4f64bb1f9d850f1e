"""One lock per device, seen by every process and user of the machine.

The lock is an ``flock`` on a file in a folder that all users share, so the kernel releases it when its holder dies,
however it dies. Containers that share a device but not this folder do not see each other's locks; for a GPU the device
itself is asked as well (:mod:`gpu_runner.devices.cuda`).
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from filelock import Timeout, UnixFileLock

from grader.errors import GraderError, InfrastructureError

NAME = "dl-course-grader"
# Not tempfile.gettempdir(): TMPDIR may differ between users, and then each would lock a file of his own.
SHARED = ("/run/lock", "/var/lock", "/tmp")
FOLDER_MODE = 0o1777  # everybody may add files, only a file's owner may remove it
FILE_MODE = 0o666  # taking the lock needs to open the file for writing
NOTE_BYTES = 1024  # who holds a lock fits; the file of another user is not read further


class DeviceBusy(GraderError):
    """Somebody else holds the device, and the caller did not want to wait any longer.

    None of the three kinds of errors: no task or submission is at fault and nothing is broken. To whoever called, it is
    as after an infrastructure error all the same: no mark is written, the work stays due, and a later try may succeed.
    """

    exit_code = 2


@contextlib.contextmanager
def device_lock(key: str, wait: Callable[[], bool], name: str = "") -> Iterator[None]:
    """Hold the lock of a device.

    :param key: what the device is called in every process of this machine: ``cpu-0``, a GPU's UUID.
    :param wait: called again and again while somebody else holds it; sleeps as long as it likes, and returns False to
        give up.
    :param name: what the device is called in messages.
    Raises DeviceBusy where ``wait`` gave up, InfrastructureError where the lock's file cannot be used.
    """
    folder = lock_folder()
    path = folder / f"{quote(key, safe='')}.lock"
    lock = UnixFileLock(path, mode=FILE_MODE, thread_local=False, fallback_to_soft=False)
    try:
        _make(folder)
        while not _taken(lock):
            if not wait():
                raise DeviceBusy(
                    f"device {name or key} is in use by {_holder(path)}",
                    remedy="try again when that has ended, or choose another device",
                )
        _sign(path)
    except OSError as error:
        lock.release()
        raise InfrastructureError(
            f"the lock of device {name or key} cannot be used ({error.strerror or error})",
            where=path,
            remedy=f"remove {path} if it is no regular file, or name another folder that all users share: GRADER_LOCKS",
        ) from None
    except BaseException:
        lock.release()
        raise
    try:
        yield
    finally:
        lock.release()


def lock_folder() -> Path:
    """The folder of the locks: $GRADER_LOCKS, or the same one for every user of this machine."""
    override = os.environ.get("GRADER_LOCKS")
    if override:
        return Path(override)
    for parent in SHARED:
        with contextlib.suppress(FileNotFoundError):
            # Judged by its mode, not by whether this user may write: root may everywhere, and would differ from others.
            if Path(parent).stat().st_mode & FOLDER_MODE == FOLDER_MODE:
                return Path(parent, NAME)
    raise InfrastructureError(
        f"none of {', '.join(SHARED)} is a folder that all users share",
        remedy="make one with mode 1777 and name it in GRADER_LOCKS",
    )


def user_name(uid: int) -> str:
    """The name of a user; the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _taken(lock: UnixFileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _make(folder: Path) -> None:
    """Make the folder of the locks where it is missing. Raises OSError."""
    try:
        folder.mkdir()
    except FileExistsError:
        if not stat.S_ISDIR(folder.lstat().st_mode):  # a symbolic link that somebody planted leads elsewhere
            raise OSError(f"{folder} is no folder") from None
    else:
        folder.chmod(FOLDER_MODE)  # mkdir's own mode is cut by the umask


def _sign(path: Path) -> None:
    """Write into the lock's file who holds it. Raises OSError."""
    note = {"pid": os.getpid(), "user": user_name(os.getuid()), "since": datetime.now(UTC).isoformat("T", "seconds")}
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        # A second hard link would be some other file, which this must not overwrite.
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise OSError(f"{path} is no regular file of its own")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(note).encode("ascii"))
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    """Who holds the lock, as its file says; any user may have written the file, so little of it is believed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            note = json.loads(os.read(descriptor, NOTE_BYTES))
        finally:
            os.close(descriptor)
        pid, user, since = int(note["pid"]), str(note["user"])[:40], datetime.fromisoformat(str(note["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return "somebody who has not said who it is"  # it holds the lock, and has not written its note yet
    user = "".join(character for character in user if character.isprintable())
    return f"pid {pid} ({user}), since {since:%Y-%m-%d %H:%M:%S} UTC"
