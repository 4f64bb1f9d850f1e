"""The key of a grading: equal keys, equal result, so an unchanged submission is not graded again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from grader.errors import SuiteError
from grader.model import Assignment, Environment, SubmissionFiles

# Whose versions may change a result, per environment.
PACKAGES = {
    Environment.NUMPY: ("numpy",),
    Environment.TORCH: ("numpy", "torch"),
    Environment.TENSORFLOW: ("numpy", "tensorflow"),
}
OURS = "dl-course-grader"
# Folders beside the suites that grading never reads.
EXAMPLES = ("mistakes", "alternatives")


def suite_key(assignment: Assignment, course_seed: int, sandbox: str) -> str:
    """What a result depends on besides the submission: suite, environment, limits, seed, sandbox, our own version."""
    parts = {
        "assignment": assignment.name,
        "points": assignment.points,
        "seed": course_seed,
        "sandbox": sandbox,
        "limits": asdict(assignment.limits),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in (OURS, *PACKAGES[assignment.environment])},
        "suite": {name: _digest(path) for name, path in sorted(suite_files(assignment.autotests))},
    }
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
    """The suites, their conftest.py, helpers and data, each by its relative path; not the examples that prove them."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        ignored = any(part.startswith((".", "__pycache__")) for part in parts)
        if not ignored and parts[0] not in EXAMPLES and path.is_file():
            yield "/".join(parts), path


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        what = f"the suite cannot be read: {error.strerror}"
        raise SuiteError(what, where=path, remedy="mend its permissions") from error


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
