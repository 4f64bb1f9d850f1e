"""Answers that no test may accept; ``grader verify`` puts them in the place of a right submission's.

Each is ``function(arguments, answer) -> answer``; an answer may be an exception, which is then raised. Returning the
very answer means that this adversary has nothing to replace here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from grader.remote import Handle, RemoteSession

Adversary = Callable[[tuple[Any, ...], Any], Any]


def adversaries(session: RemoteSession) -> dict[str, Adversary]:
    """All adversaries by the name that a report shows."""
    return {
        "None": lambda _arguments, _answer: None,
        "0": lambda _arguments, _answer: 0,
        "NaN": lambda _arguments, _answer: float("nan"),
        "an empty array": lambda _arguments, _answer: np.empty(0),
        "an empty tuple": lambda _arguments, _answer: (),
        "zeros that broadcast": lambda _arguments, _answer: np.zeros((1, 1)),
        "ones that broadcast": lambda _arguments, _answer: np.ones((1, 1)),
        "an opaque handle": lambda _arguments, _answer: Handle(
            session.generation, 10**9, ("builtins.object",), "", session
        ),
        "its arguments": lambda arguments, _answer: arguments,
        "its first argument": lambda arguments, answer: arguments[0] if arguments else answer,
        "the right values with one more axis": lambda _arguments, answer: one_more_axis(answer),
        "ValueError": lambda _arguments, _answer: ValueError("always"),
    }


ADVERSARIES = (
    "None",
    "0",
    "NaN",
    "an empty array",
    "an empty tuple",
    "zeros that broadcast",
    "ones that broadcast",
    "an opaque handle",
    "its arguments",
    "its first argument",
    "the right values with one more axis",
    "ValueError",
)


def one_more_axis(answer: Any) -> Any:
    """Arrays, tensors and numbers with a leading axis of 1, also inside a tuple; all else as it is."""
    if isinstance(answer, bool) or answer is None:
        return answer
    if isinstance(answer, (np.ndarray, np.generic, int, float)):
        return np.asarray(answer)[None]
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(answer, torch.Tensor):
        return answer[None]
    if isinstance(answer, tuple):
        changed = tuple(one_more_axis(item) for item in answer)
        return answer if all(a is b for a, b in zip(answer, changed, strict=True)) else changed
    return answer


class AnswerFilter:
    """Puts one adversary's answers in the place of a session's, and counts them."""

    def __init__(self, session: RemoteSession, name: str) -> None:
        self._adversary = adversaries(session)[name]
        self.replaced = 0

    def __call__(self, _name: str, arguments: tuple[Any, ...], answer: Any) -> Any:
        replacement = self._adversary(arguments, answer)
        if replacement is not answer:
            self.replaced += 1
        return replacement
