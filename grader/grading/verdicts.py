"""From an exception in a test to an outcome and to words for the student."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from grader.errors import InfrastructureError, TaskError
from grader.model import Outcome
from grader.remote import RemoteError, SubmissionFault, explained, fault_outcome, read_frames
from grader.sandbox import GuestFault
from grader.testing import WrongAnswer

# Said of a hidden test whose bare assertion failed: its values stay hidden.
WRONG = "The answer is not the one that this test expects."
UNFIT = "The answer could not be used by the test: probably it has the wrong type or shape."
# What Python says of a value that is used as something else -> what that means; it names types alone, no value.
MISUSED = (
    (re.compile(r"'(\w+)' object is not callable$"), "The test calls {0} as a function"),
    (re.compile(r"'(\w+)' object is not subscriptable$"), "The test takes an entry out of {0}"),
    (re.compile(r"'(\w+)' object is not iterable$"), "The test goes through the entries of {0}"),
    (re.compile(r"cannot unpack non-iterable (\w+) object$"), "The test expects several values and got {0}"),
    (re.compile(r"object of type '(\w+)' has no len\(\)$"), "The test asks for the length of {0}"),
    (re.compile(r"'(\w+)' object has no attribute '(\w+)'$"), "The test uses .{1} of {0}"),
)
UNPACKED = re.compile(r"(?:not enough|too many) values to unpack \(expected (\d+)(?:, got (\d+))?\)$")
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
    if isinstance(error, RemoteError):
        outcome = Outcome.MEMORY if isinstance(error, MemoryError) else Outcome.ERROR
        return Verdict(outcome, explained(error.public, error.remote.type_name), str(error.remote))
    if isinstance(error, (InfrastructureError, TaskError, MemoryError, KeyboardInterrupt)):
        raise BrokenHere(type(error).__name__)
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
    return Verdict(Outcome.FAILED, f"{misfit(text)} ({type(error).__name__}: {text})" if visible else misfit(text))


def misfit(text: str) -> str:
    """Words for an answer with which the test itself could not go on.

    :param text: what Python said of it on the host, where every value is plain data.

    >>> misfit("'NoneType' object is not subscriptable")
    'The test takes an entry out of None, which cannot be: is there a return?'
    >>> misfit("operands could not be broadcast together with shapes (3,) (4,)") == UNFIT
    True
    """
    for pattern, meaning in MISUSED:
        if found := pattern.search(text):
            kind, *rest = found.groups()
            nothing = kind == "NoneType"
            said = meaning.format("None" if nothing else f"a value of type {kind}", *rest)
            return f"{said}, which cannot be{': is there a return?' if nothing else '.'}"
    if found := UNPACKED.search(text):
        expected, got = found.groups()
        return f"The test expects {expected} values; there are {got or 'more'}."
    return UNFIT


def without_introspection(text: str) -> str:
    """An assertion's own message without what pytest adds behind it; all of it where the author wrote none."""
    message, found, _added = text.partition("\nassert ")
    return message if found and not message.startswith("assert ") else text
