"""Every exception that this project raises on purpose.

::

    GraderError
    ├── TaskError               the task is invalid: nothing is graded           (exit code 1)
    │   ├── ConfigError         course.toml, assignment.toml, roster: file, line or key, remedy
    │   ├── MarkerError         a stray, nested or unclosed solution marker: file and line
    │   ├── LeakError           something generated holds what students must not see
    │   └── SuiteError          the hidden suite does not collect or its points do not add up
    ├── UsageError              an unknown assignment, student or path           (exit code 1)
    ├── SubmissionError         the submission cannot be graded: marks are lost
    │   ├── MissingSubmission   there is no file to grade
    │   └── UnreadableSubmission  there is one, but it is not a text, notebook or file that we read
    └── InfrastructureError     the grader broke: no mark is written             (exit code 2)
        ├── SandboxUnavailable  no bubblewrap, or the kernel refuses user namespaces
        └── StoreError          the results database is locked, unwritable or of another version

The three kinds (task, submission, infrastructure) never mix: who is to act differs.
"""

from __future__ import annotations

from pathlib import Path


class GraderError(Exception):
    """Base of all; ``str()`` of it is a complete message for a person.

    :param what: what happened, one sentence.
    :param where: file, ``file:line`` or key; empty where there is none.
    :param remedy: what to do about it; empty where there is nothing.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | Path = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = str(where)
        self.remedy = remedy

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  remedy: {self.remedy}" if self.remedy else head


class TaskError(GraderError):
    """The course or an assignment is invalid; nothing is graded."""


class ConfigError(TaskError):
    """A configuration file does not say what it must."""


class MarkerError(TaskError):
    """A solution marker is stray, nested or unclosed."""


class LeakError(TaskError):
    """Something generated for students holds a solution, a hidden test or a mistake."""


class SuiteError(TaskError):
    """A suite of autotests cannot be collected, or its points do not add up."""


class UsageError(GraderError):
    """The command line names something that does not exist."""


class SubmissionError(GraderError):
    """A submission cannot be graded as it stands."""


class MissingSubmission(SubmissionError):
    """There is nothing to grade."""


class UnreadableSubmission(SubmissionError):
    """There is a file, but not one that can be read as a submission."""


class InfrastructureError(GraderError):
    """The grader itself broke; no mark is written and the submission stays due."""

    exit_code = 2


class SandboxUnavailable(InfrastructureError):
    """The sandbox cannot be started on this machine."""


class StoreError(InfrastructureError):
    """The results database cannot be read or written."""
