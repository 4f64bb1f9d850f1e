"""Answers that no test may accept; ``grader verify`` puts them in the place of a right submission's.

Each is ``function(session, arguments, answer) -> answer``; an answer may be an exception, which is then raised.
Returning the very answer means that this adversary has nothing to replace here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from grader.remote import Handle, RemoteSession

Adversary = Callable[[RemoteSession, tuple[Any, ...], Any], Any]


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


# By the name that a report shows.
ADVERSARIES: dict[str, Adversary] = {
    "None": lambda _session, _arguments, _answer: None,
    "0": lambda _session, _arguments, _answer: 0,
    "NaN": lambda _session, _arguments, _answer: float("nan"),
    "an empty array": lambda _session, _arguments, _answer: np.empty(0),
    "an empty tuple": lambda _session, _arguments, _answer: (),
    "zeros that broadcast": lambda _session, _arguments, _answer: np.zeros((1, 1)),
    "ones that broadcast": lambda _session, _arguments, _answer: np.ones((1, 1)),
    "an opaque handle": lambda session, _arguments, _answer: Handle(
        session.generation, 10**9, ("builtins.object",), "", session
    ),
    "its arguments": lambda _session, arguments, _answer: arguments,
    "its first argument": lambda _session, arguments, answer: arguments[0] if arguments else answer,
    "the right values with one more axis": lambda _session, _arguments, answer: one_more_axis(answer),
    "ValueError": lambda _session, _arguments, _answer: ValueError("always"),
}


class AnswerFilter:
    """Puts one adversary's answers in the place of a session's, and counts them."""

    def __init__(self, session: RemoteSession, name: str) -> None:
        self._session = session
        self._adversary = ADVERSARIES[name]
        self.replaced = 0

    def __call__(self, _name: str, arguments: tuple[Any, ...], answer: Any) -> Any:
        replacement = self._adversary(self._session, arguments, answer)
        if replacement is not answer:
            self.replaced += 1
        return replacement
