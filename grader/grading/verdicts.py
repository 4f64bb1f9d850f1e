"""From an exception in a test to an outcome and to words for the student."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from grader.errors import InfrastructureError, TaskError
from grader.model import Outcome
from grader.remote import RemoteError, SubmissionFault, read_frames
from grader.sandbox import GuestFault, GuestMemory, GuestTimeout
from grader.testing import WrongAnswer

# Said of a hidden test whose bare assertion failed: its values stay hidden.
WRONG = "The answer is not the one that this test expects."
UNFIT = "The answer could not be used by the test: probably it has the wrong type or shape."
# Characters of an assertion's own text that a visible test shows.
MAX_ASSERTION = 2000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of one phase of a test, with what the student may read of it."""

    outcome: Outcome
    message: str = ""
    traceback: str = ""


class BrokenHere(Exception):
    """The failure is ours (infrastructure) or the task's; no verdict on the submission follows from it.

    Its text is the exception's name alone: the rest may hold what students must not see.
    """


def verdict_of(error: BaseException, fault: GuestFault | None, *, visible: bool) -> Verdict:
    """Judge an exception that ended a test.

    :param fault: what befell the guest during the test, also where the test caught it.
    Raises BrokenHere where the exception says nothing about the submission.
    """
    fault = fault or (error if isinstance(error, GuestFault) else None)
    if fault is not None:
        return Verdict(fault_outcome(fault), str(fault), "\n".join(map(str, read_frames(fault.where))))
    if isinstance(error, (InfrastructureError, TaskError, MemoryError, KeyboardInterrupt)):
        raise BrokenHere(type(error).__name__)
    if isinstance(error, RemoteError):
        outcome = Outcome.MEMORY if isinstance(error, MemoryError) else Outcome.ERROR
        return Verdict(outcome, error.public, str(error.remote))
    if isinstance(error, SubmissionFault):
        return Verdict(Outcome.FAILED, error.public)
    if isinstance(error, WrongAnswer):
        detail = f"\n{error.detail}" if visible and error.detail else ""
        return Verdict(Outcome.FAILED, error.public + detail)
    if isinstance(error, pytest.skip.Exception):
        return Verdict(Outcome.NOT_RUN, "This test was skipped.")
    text = str(error)[:MAX_ASSERTION]
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        return Verdict(Outcome.FAILED, without_introspection(text) if visible and text else WRONG)
    if isinstance(error, OSError):
        raise BrokenHere(type(error).__name__)
    return Verdict(Outcome.FAILED, f"{UNFIT} ({type(error).__name__}: {text})" if visible else UNFIT)


def without_introspection(text: str) -> str:
    """An assertion's own message without what pytest adds behind it; all of it where the author wrote none."""
    message, found, _added = text.partition("\nassert ")
    return message if found and not message.startswith("assert ") else text


def fault_outcome(fault: GuestFault) -> Outcome:
    """The outcome that a lost guest stands for."""
    if isinstance(fault, GuestTimeout):
        return Outcome.TIMEOUT
    return Outcome.MEMORY if isinstance(fault, GuestMemory) else Outcome.KILLED
