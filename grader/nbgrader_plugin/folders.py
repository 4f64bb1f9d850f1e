"""The folders of one assignment in a classroom: what was handed in, and what stands autograded."""

# nbgrader and nbformat have no annotations.
# mypy: disable-error-code="import-untyped, no-untyped-call"
from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils

# Characters of timestamp.txt that are read; nbgrader's own line has 30.
MAX_TIMESTAMP = 200
GRADED = "grader"  # key of a notebook's metadata under which is noted what was graded


@dataclass(frozen=True, slots=True)
class HandIn:
    """A student's folder with at least one notebook of the assignment."""

    student: str
    folder: Path
    notebooks: tuple[str, ...]  # names without .ipynb


class AssignmentFolders:
    """Where nbgrader's configuration puts things."""

    def __init__(self, converter: Any, assignment: str) -> None:
        """:param converter: nbgrader's Autograde, configured."""
        self._converter = converter
        self._coursedir = converter.coursedir
        self._assignment = assignment

    def submitted(self, student: str) -> Path:
        return self._path(self._coursedir.submitted_directory, student)

    def autograded(self, student: str) -> Path:
        return self._path(self._coursedir.autograded_directory, student)

    @property
    def masters(self) -> Path:
        """The instructor's folder."""
        return self._path(self._coursedir.source_directory, ".")

    def hand_ins(self, notebooks: Collection[str]) -> tuple[list[HandIn], list[str]]:
        """Everybody who handed in one of these notebooks, and warnings about those who handed in something else."""
        found, warnings = [], []
        excluded = set(filter(None, self._coursedir.student_id_exclude.split(",")))
        root, step = Path(self._coursedir.root), self._coursedir.submitted_directory
        pattern = self._coursedir.format_path(step, "(?P<student>[^/.][^/]*)", self._assignment, escape=True)
        for folder in sorted(root.glob(str(self.submitted("*").relative_to(root)))):
            named = re.fullmatch(pattern, str(folder))
            if named is None or named["student"] in excluded:
                continue
            student = named["student"]
            there = tuple(name for name in sorted(notebooks) if os.path.lexists(folder / f"{name}.ipynb"))
            if there:
                found.append(HandIn(student, folder, there))
                if timestamp(folder) is None and (folder / "timestamp.txt").exists():
                    warnings.append(f"{student}'s timestamp.txt holds no time; the work counts as handed in in time")
            else:
                wanted = " or ".join(f"{name}.ipynb" for name in sorted(notebooks))
                warnings.append(f"{student} has handed in no {wanted}; passed over, as nbgrader does")
        return found, warnings

    def is_done(self, hand_in: HandIn, key: str) -> bool:
        """Whether the same content, handed in at the same time, stands autograded."""
        target = self.autograded(hand_in.student)
        try:
            for name in hand_in.notebooks:
                metadata = json.loads((target / f"{name}.ipynb").read_bytes())["metadata"]
                if metadata[GRADED]["key"] != key:
                    return False
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return timestamp(target) == timestamp(hand_in.folder)

    def resources(self, student: str, notebook: str, folder: Path) -> dict[str, Any]:
        """What nbgrader tells its steps of a notebook.

        :param folder: where the notebook lies while it is graded.
        """
        return {
            "unique_key": notebook,
            "output_files_dir": f"{notebook}_files",
            "metadata": {"name": notebook, "path": str(folder)},
            "nbgrader": {
                "student": student,
                "assignment": self._assignment,
                "notebook": notebook,
                "db_url": self._coursedir.db_url,
            },
        }

    def build(self, hand_in: HandIn) -> Path:
        """A new folder beside the autograded one, with the student's files and the instructor's over them."""
        target = self.autograded(hand_in.student)
        building = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        ignore = [*self._coursedir.ignore, "*.ipynb"]
        masters = self.masters
        spared = {str(masters / each) for each in self._converter.exclude_overwriting.get(self._assignment, [])}
        for folder in (hand_in.folder, masters):
            for found in utils.find_all_files(str(folder), ignore):
                # A link of a student's may lead to what is none of his.
                if found in spared or not stat.S_ISREG(os.lstat(found).st_mode):
                    continue
                _put(Path(found), building, Path(found).relative_to(folder))
        return building

    def put_in_place(self, hand_in: HandIn, building: Path, notebooks: Mapping[str, Any]) -> None:
        """Write the autograded notebooks into the new folder, and put it where the old one is."""
        for name, notebook in notebooks.items():
            text = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
            (building / f"{name}.ipynb").write_text(text.rstrip("\n") + "\n", encoding="utf-8")
        mode = int(str(self._converter.permissions), 8)
        for path in building.rglob("*"):
            if path.is_file() and not path.is_symlink():
                path.chmod(mode)
        target = self.autograded(hand_in.student)
        shutil.rmtree(target, ignore_errors=True)
        building.replace(target)
        if self._coursedir.groupshared:  # folders too
            self._converter.set_permissions(self._assignment, hand_in.student)

    def _path(self, step: str, student: str) -> Path:
        return Path(self._coursedir.format_path(step, student, self._assignment))


def _put(file: Path, building: Path, place: Path) -> None:
    """Copy a file to its place; a student's folder of a file's name, or file of a folder's name, gives way."""
    for part in reversed(place.parents[:-1]):
        if (building / part).exists() and not (building / part).is_dir():
            (building / part).unlink()
    copy = building / place
    if copy.is_dir():
        shutil.rmtree(copy)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)
    shutil.copy(file, copy)


def timestamp(folder: Path) -> datetime | None:
    """When it was handed in, UTC without a zone; None where nbgrader's file is missing or holds no time.

    A link is not followed, and a fifo keeps nobody waiting.
    """
    try:
        descriptor = os.open(folder / "timestamp.txt", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="utf-8") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            found: datetime | None = utils.parse_utc(file.read(MAX_TIMESTAMP).strip() or None)
    except (OSError, ValueError, OverflowError):
        return None
    return found
