"""What a fault means: an outcome, and what a beginner needs to know besides the exception's own words."""

from __future__ import annotations

from grader.model import Outcome
from grader.sandbox import GuestFault, GuestMemory, GuestTimeout

# Class and part of the message of an exception -> what a beginner needs to know besides its own words.
EXPLAINED = (
    ("EOFError", "", "Nobody answers input() while work is graded; take it out."),
    ("SystemExit", "", "The code ends the program by itself, with exit() or sys.exit(); take that out."),
    ("RecursionError", "", "It calls itself without an end."),
    ("MemoryError", "", "It needs more memory than a submission may take."),
    ("ImportError", "relative import", "Import a module beside this file by its plain name, without a dot."),
    (
        "ModuleNotFoundError",
        "",
        "Is the name right? A module of your own must be handed in beside the file that imports it; "
        "others than those of the course are not installed.",
    ),
)


def explained(said: str, type_name: str) -> str:
    """What an exception says, with what a beginner needs to know besides.

    >>> explained("root raised RecursionError", "RecursionError")
    'root raised RecursionError. It calls itself without an end.'
    """
    more = [words for name, part, words in EXPLAINED if name == type_name and part in said]
    return f"{said.rstrip('. ')}. {more[0]}" if more else said


def fault_outcome(fault: GuestFault) -> Outcome:
    """The outcome that a lost guest stands for."""
    if isinstance(fault, GuestTimeout):
        return Outcome.TIMEOUT
    return Outcome.MEMORY if isinstance(fault, GuestMemory) else Outcome.KILLED
