"""nbgrader's collecting, for an exchange whose folders belong to students: only what they handed in themselves.

A student can put a symbolic link into a folder of the exchange. nbgrader follows it with the rights of whoever
collects: a hidden suite, the gradebook or a private key would lie among the student's files, where the notebook can
read and print it.
"""

# nbgrader has no annotations.
# mypy: disable-error-code="import-untyped, misc"
from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect


class Collect(ExchangeCollect):
    """Takes regular files in real folders; links, fifos and the like are left out, with a warning.

    It stands in ``ExchangeFactory.collect``. Where one hand-in cannot be copied, the others are.
    """

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Called by nbgrader for each submission: copy the folder ``src`` to ``dest``, which does not exist.

        The files go through a private folder, since a student can change his own while they are copied.
        """
        with tempfile.TemporaryDirectory(prefix="grader-collect-") as private:
            copy = Path(private, "files")
            try:
                self._copy_own_files(src, copy)
                super().do_copy(str(copy), dest, log)
            except (OSError, RuntimeError, shutil.Error) as error:
                self.log.error("%s is not collected: %s", src, error)

    def _copy_own_files(self, src: str, copy: Path) -> None:
        room = 1000 * self.coursedir.max_dir_size  # bytes, the bound of nbgrader's own copying
        copy.mkdir()
        if Path(src).is_symlink():
            raise OSError("it is a symbolic link")
        for place, folders, names, descriptor in os.fwalk(src, follow_symlinks=False):
            target = copy / Path(place).relative_to(src)
            for name in folders:
                if stat.S_ISLNK(os.lstat(name, dir_fd=descriptor).st_mode):
                    self.log.warning("%s is a symbolic link, and left out", Path(place, name))
                else:
                    (target / name).mkdir()
            for name in names:
                room -= self._copy_file(Path(place, name), descriptor, target / name, room)

    def _copy_file(self, path: Path, folder: int, target: Path, room: int) -> int:
        """Copy one file, unless it is no regular one; return its bytes.

        :param folder: descriptor of the folder that it is in.
        :param room: bytes that are left.
        """
        # A fifo does not keep us waiting.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(path.name, flags, dir_fd=folder)
        except OSError as error:
            why = "it is a symbolic link" if path.is_symlink() else error.strerror
            self.log.warning("%s is left out: %s", path, why)
            return 0
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                self.log.warning("%s is no regular file, and left out", path)
                return 0
            if status.st_size > room:
                raise OSError(f"its files take more than {self.coursedir.max_dir_size} KB")
            with target.open("wb") as copied:
                shutil.copyfileobj(file, copied)
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
        return status.st_size
