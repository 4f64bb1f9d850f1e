"""What a test meets when the submission does not simply answer. Each has ``public``: words for the student.

::

    SubmissionFault
    ├── RemoteError     the student's code raised; an instance also is the built-in class that the student raised
    ├── MissingName     the submission does not define what the test asks for
    └── Unusable        an answer that cannot cross the wall, or that cannot be used as the test uses it
"""

from __future__ import annotations

import builtins
import difflib
import functools
from dataclasses import dataclass
from typing import Any

# Names among which a misspelt one is looked for.
NEAR_NAMES = 200


@dataclass(frozen=True, slots=True)
class RemoteFrame:
    """One line of a student's traceback."""

    file: str  # his file by its name in the submission, or "cell 3"
    line: int
    function: str
    source: str

    def __str__(self) -> str:
        place = f"  {self.file}, line {self.line}, in {self.function}"
        return f"{place}\n    {self.source}" if self.source else place


@dataclass(frozen=True, slots=True)
class RemoteTraceback:
    """An exception of the student's, as the guest tells it; all of it is text that he controls."""

    type_name: str
    message: str
    frames: tuple[RemoteFrame, ...]

    def __str__(self) -> str:
        lines = [str(frame) for frame in self.frames]
        lines.append(f"{self.type_name}: {self.message}" if self.message else self.type_name)
        return "\n".join(lines)


class SubmissionFault(Exception):
    """Base of what a submission's answer can do to a test."""

    def __init__(self, public: str) -> None:
        super().__init__(public)
        self.public = public


class MissingName(SubmissionFault, AttributeError):
    """The submission defines no such name."""


class Unusable(SubmissionFault, TypeError):
    """The answer cannot cross the wall or be used."""


class RemoteError(SubmissionFault):
    """The student's code raised an exception; ``remote`` describes it."""

    def __init__(self, public: str, remote: RemoteTraceback, bases: tuple[str, ...]) -> None:
        super().__init__(public)
        self.remote = remote
        self.remote_bases = bases


# An exception that ends a process or a test run must stay an ordinary exception on this side.
_NOT_ORDINARY = {"BaseException", "Exception", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseExceptionGroup"}
# These need arguments of their own to be made, so their nearest plain base stands for them.
_PECULIAR = {"UnicodeDecodeError", "UnicodeEncodeError", "UnicodeTranslateError", "ExceptionGroup"}


@functools.cache
def remote_error_class(bases: tuple[str, ...]) -> type[RemoteError]:
    """A subclass of RemoteError that also is the nearest built-in exception class among ``bases``."""
    for qualified in bases:
        module, _, name = qualified.rpartition(".")
        candidate = getattr(builtins, name, None) if module == "builtins" else None
        if (
            isinstance(candidate, type)
            and issubclass(candidate, Exception)
            and name not in _NOT_ORDINARY | _PECULIAR
        ):
            return type(f"Remote{name}", (RemoteError, candidate), {"__module__": __name__})
    return RemoteError


def missing_text(name: str, entry: str, names: dict[str, bool]) -> str:
    """Words for a student whose submission lacks a name."""
    # The student's own names come last; comparing with thousands that a star import brought would take seconds.
    near = difflib.get_close_matches(name, [known for known in list(names)[-NEAR_NAMES:] if known != name], n=1)
    hint = f" Did you mean the {near[0]} that it does define?" if near else ""
    return f"{entry} does not define {name}.{hint}"


def read_frames(told: Any) -> list[RemoteFrame]:
    """Read a guest's list of frames; what is no frame is passed over."""
    frames = []
    for frame in told[:20] if isinstance(told, list) else ():
        if isinstance(frame, list) and len(frame) == 4:
            name, line, function, source = frame
            frames.append(RemoteFrame(text_of(name, 120), number_of(line), text_of(function, 80), text_of(source, 200)))
    return frames


def text_of(value: Any, limit: int) -> str:
    """At most ``limit`` characters of a guest's text. Anything else is empty: ``str`` of deep lists may fail."""
    return value[:limit] if isinstance(value, str) else ""


def number_of(value: Any) -> int:
    """A guest's number of a line or cell; 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**7 else 0


def describe_raised(description: Any) -> tuple[RemoteTraceback, tuple[str, ...]]:
    """Read a guest's description of an exception; whatever it holds, the result is bounded text."""
    description = description if isinstance(description, dict) else {}
    names = description.get("type")
    bases = tuple(text_of(name, 120) for name in names[:30]) if isinstance(names, list) and names else ("an exception",)
    frames = read_frames(description.get("frames"))
    message = text_of(description.get("message"), 2000)
    syntax = description.get("syntax")
    if isinstance(syntax, dict) and number_of(syntax.get("line")):  # a SyntaxError of his own making has no place
        place = RemoteFrame(
            text_of(syntax.get("file"), 120) or "the submission",
            number_of(syntax.get("line")),
            "<module>",
            text_of(syntax.get("text"), 200).strip(),
        )
        frames.append(place)
    return RemoteTraceback(bases[0].removeprefix("builtins.").rpartition(".")[2], message, tuple(frames)), bases


def raised_error(description: Any, where: str) -> RemoteError:
    """The exception to raise on the host for one that the guest tells of.

    :param where: what was being called, for the student's eyes: ``"mse_loss"``.
    """
    remote, bases = describe_raised(description)
    if remote.type_name == "NotImplementedError":
        public = f"{where} is not written yet (it raises NotImplementedError)."
    elif remote.type_name == "TypeError" and not remote.frames and "argument" in remote.message:
        # Raised by the call itself, before any line of the student's.
        public = (
            f"{where} cannot be called in the way that the assignment describes: {remote.message}. "
            "Compare the names, the order and the number of its parameters."
        )
    else:
        public = f"{where} raised {remote.type_name}" + (f": {remote.message}" if remote.message else ".")
    return remote_error_class(bases)(public, remote, bases)
