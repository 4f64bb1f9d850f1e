"""What a scored test is called in a notebook, and which cells of a notebook are whose."""

from __future__ import annotations

import hashlib

from grader.model import Assignment, TestSpec

SCHEMA_VERSION = 3  # of nbgrader's cell metadata


def grade_id(assignment: str, spec: TestSpec) -> str:
    """nbgrader's id of a test's grade cell: it stays when tests are added, and tells nothing of a hidden one.

    >>> from grader.model import TestSpec
    >>> grade_id("softmax", TestSpec("test_sums_to_one", "Sums to one", 1.0, "", True))
    'test_sums_to_one'
    >>> grade_id("softmax", TestSpec("test_large_inputs", "Large inputs", 1.0, "", False))
    'hidden_e21f698b'
    """
    if spec.visible:
        return spec.name
    return f"hidden_{hashlib.sha256(f'{assignment}:{spec.name}'.encode()).hexdigest()[:8]}"


def has_notebook(assignment: Assignment) -> bool:
    """Whether an assignment goes into the classroom: a timed task is trained and judged by ``grader gpu run``."""
    return assignment.timed is None
