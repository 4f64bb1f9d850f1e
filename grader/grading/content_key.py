"""The key of a grading: equal keys, equal result, so an unchanged submission is not graded again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
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


def suite_key(assignment: Assignment, course_seed: int, sandbox: str) -> str:
    """What a result depends on besides the submission: suite, environment, limits, seed, sandbox and our own version."""
    parts = {
        "assignment": assignment.name,
        "points": assignment.points,
        "seed": course_seed,
        "sandbox": sandbox,
        "limits": asdict(assignment.limits),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in (OURS, *PACKAGES[assignment.environment])},
        "suite": {path.name: _digest(path) for path in sorted(assignment.autotests.glob("*.py"))},
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


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SuiteError(f"the suite cannot be read: {error.strerror}", where=path, remedy="mend its permissions") from error


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
