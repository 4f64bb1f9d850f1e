"""What a probe finds, and the guard that turns whatever goes wrong in a probe into a finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from grader.errors import GraderError


class State(StrEnum):
    """How a finding is to be taken."""

    OK = "ok"
    NOTE = "note"  # worth knowing; grading works
    PROBLEM = "problem"  # grading needs it, and it does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis."""

    name: str  # what was looked at
    state: State
    detail: str  # what was found
    remedy: str = ""  # what to do; empty where there is nothing to do


def guarded(name: str, probe: Callable[[], Finding]) -> Finding:
    """The probe's finding; a problem where the probe itself fails."""
    try:
        return probe()
    except GraderError as error:
        return Finding(name, State.PROBLEM, f"{error.where}: {error.what}" if error.where else error.what, error.remedy)
    except Exception as error:
        what = f"the probe failed: {type(error).__name__}: {error}"
        return Finding(name, State.PROBLEM, what, "mend what it names; otherwise report this as a defect of the grader")
