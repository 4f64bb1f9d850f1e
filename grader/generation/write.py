"""Generating an assignment's four files, comparing them with the disk, and writing them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from grader.course import read_suites, select_assignments
from grader.errors import InfrastructureError, TaskError
from grader.generation.lint import refuse_leaks
from grader.generation.notebook import code_cells, make_notebook
from grader.generation.render import make_handout, packages_of
from grader.generation.stub import make_stub
from grader.generation.visible import make_visible_suite
from grader.model import Assignment, Course
from grader.reports.write import write_file

# Made by tools that run in the folder; nobody hands them out.
IGNORED = frozenset(("__pycache__", ".pytest_cache", ".ipynb_checkpoints", ".ruff_cache", ".mypy_cache"))


class FileState(StrEnum):
    """How a file under assignments/ stands to what is generated."""

    SAME = "same"
    MISSING = "missing"
    DIFFERS = "differs"
    EXTRA = "extra"  # nobody generates it; it is reported and left alone


@dataclass(frozen=True, slots=True)
class Generated:
    """One file and how it stood before anything was written."""

    assignment: str
    path: Path
    state: FileState
    diff: str = ""  # unified diff from the disk to the generated text, where they differ


def generate(course: Course, names: Iterable[str] = (), *, check: bool = False) -> tuple[Generated, ...]:
    """Generate assignments; without names all of them.

    Everything is generated and has passed the leak lint before the first file is written.

    :param check: compare only, write nothing.
    :returns: every file of these assignments with its state before; for all assignments also extra folders.
    :raises TaskError: an assignment is invalid; nothing is written.
    :raises UsageError: a name is unknown.
    :raises InfrastructureError: a file cannot be written.
    """
    names = tuple(names)
    selected = select_assignments(course, names)
    folder = course.root / "assignments"
    texts = {folder / assignment.name: generate_texts(assignment) for assignment in selected}
    results: list[Generated] = []
    for target, files in texts.items():
        results += [_compare(target.name, target / name, text) for name, text in files.items()]
        results += [Generated(target.name, path, FileState.EXTRA) for path in _extra(target, set(files))]
    if not names:
        known = {assignment.name for assignment in course.assignments}
        results += [Generated("", path, FileState.EXTRA) for path in _extra(folder, known)]
    if not check:
        changed = {result.path for result in results if result.state in (FileState.MISSING, FileState.DIFFERS)}
        for target, files in texts.items():
            for name, text in files.items():
                if target / name in changed:
                    write_file(target / name, text, remedy="make room, or make the folder writable")
    return tuple(results)


def generate_texts(assignment: Assignment) -> dict[str, str]:
    """Return what students receive, file name → text, after the leak lint.

    :raises TaskError: markers, suites or points are invalid, or something would leak.
    """
    name = assignment.name
    specs = read_suites(assignment)
    source = _read(assignment.solution)
    stub = make_stub(source, assignment.solution)
    notebook = make_notebook(stub, name)
    visible = _read(assignment.visible_suite)
    texts = {
        f"{name}.py": stub,
        f"{name}.ipynb": notebook,
        "README.md": make_handout(assignment, specs, packages_of(stub, visible)),
        "test_visible.py": make_visible_suite(visible, assignment.visible_suite, name, stub, code_cells(notebook)),
    }
    generated = {Path("assignments", name, file): text for file, text in texts.items()}
    refuse_leaks(assignment, generated)
    return texts


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskError(f"not UTF-8 text (byte {error.start})", where=path, remedy="save it as UTF-8") from error


def _compare(assignment: str, path: Path, text: str) -> Generated:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Generated(assignment, path, FileState.MISSING)
    except OSError as error:
        raise InfrastructureError(
            f"cannot be read: {error.strerror}", where=path, remedy="make it a readable file, or move it elsewhere"
        ) from error
    if data == text.encode():
        return Generated(assignment, path, FileState.SAME)
    diff = difflib.unified_diff(
        data.decode(errors="replace").splitlines(),
        text.splitlines(),
        fromfile=f"{assignment}/{path.name} (disk)",
        tofile=f"{assignment}/{path.name} (generated)",
        lineterm="",
        n=1,
    )
    return Generated(assignment, path, FileState.DIFFERS, "\n".join(diff))


def _extra(folder: Path, expected: set[str]) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name not in expected | IGNORED)
