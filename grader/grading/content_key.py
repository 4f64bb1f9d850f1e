"""The key of a grading: equal keys, equal result, so an unchanged submission is not graded again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grader.errors import SuiteError
from grader.model import Assignment, Environment, SubmissionFiles

# Whose versions may change a result, per environment.
PACKAGES = {
    Environment.NUMPY: ("numpy",),
    Environment.TORCH: ("numpy", "torch"),
    Environment.TENSORFLOW: ("numpy", "tensorflow"),
}
OURS = "dl-course-grader"
# What lies beside the suites and never changes a result: examples that prove them, what a reference was measured to do.
NOT_GRADING = ("mistakes", "alternatives", "calibration.json")
# Of a table [timed]: how runs are arranged, which changes nothing that they are judged by.
ARRANGEMENT = ("gpu_share", "budget_seconds", "reference_every", "small")


def suite_key(assignment: Assignment, course_seed: int, sandbox: str) -> str:
    """What a result depends on besides the submission: suite, environment, limits, seed, sandbox, our own version.

    For a timed task, also the variant by which it is judged.
    """
    parts: dict[str, Any] = {
        "assignment": assignment.name,
        "points": assignment.points,
        "seed": course_seed,
        "sandbox": sandbox,
        "limits": asdict(assignment.limits),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in (OURS, *PACKAGES[assignment.environment])},
        "suite": {name: _digest(path) for name, path in sorted(suite_files(assignment.autotests))},
    }
    if assignment.timed is not None:
        timed = asdict(assignment.timed)
        parts["timed"] = {name: value for name, value in timed.items() if name not in ARRANGEMENT}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def submission_key(suite: str, files: SubmissionFiles) -> str:
    """The key of one submission under a suite."""
    digest = hashlib.sha256(suite.encode())
    for path, data in sorted(files.files.items()):
        name = path.encode()
        digest.update(b"%d:%b%d:" % (len(name), name, len(data)))
        digest.update(data)
    return digest.hexdigest()


def refusal_key(suite: str, reason: str) -> str:
    """The key of a submission that cannot be read; the reason stands for its content."""
    return hashlib.sha256(f"{suite}:{reason}".encode()).hexdigest()


def suite_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The suites, their conftest.py, helpers and data, each by its relative path; not the examples."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        ignored = any(part.startswith((".", "__pycache__")) for part in parts)
        if not ignored and parts[0] not in NOT_GRADING and path.is_file():
            yield "/".join(parts), path


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        what = f"the suite cannot be read: {error.strerror}"
        raise SuiteError(what, where=path, remedy="mend its permissions") from error


def own_version() -> str:
    """The version of this package."""
    return _version(OURS)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
