"""Text of unknown origin made safe to print, and the words that every report uses for the same thing."""

from __future__ import annotations

import hashlib
import re

from grader.course.timed import ACCURACY, TIME
from grader.model import Outcome, Status, TestResult

# Characters of one text that a report shows. What the grader stores is bounded by Limits.output_kb already; this keeps
# a class of 40 pages in the megabytes even where those limits were raised.
TEXT_LIMIT = 20_000

STATUS_WORDS = {
    Status.GRADED: "graded",
    Status.MISSING: "missing",
    Status.UNREADABLE: "unreadable",
    Status.BROKEN: "broken",
    Status.NOT_GRADED: "not graded",
}

OUTCOME_WORDS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "wrong answer",
    Outcome.ERROR: "exception",
    Outcome.TIMEOUT: "out of time",
    Outcome.MEMORY: "out of memory",
    Outcome.KILLED: "process ended",
    Outcome.NOT_RUN: "not run",
}

# A line of timed runs that is lost is no answer, wrong or right.
_TIMED_WORDS = {
    (ACCURACY, Outcome.FAILED): "not reached",
    (TIME, Outcome.TIMEOUT): "too slow",
    (TIME, Outcome.FAILED): "not measured",
}

_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor moves
    r"|(?:\x1b[\]P^_X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]"  # the short ones
)
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Characters that reorder the text around them, so that it reads otherwise than it is (Unicode TR 36, section 3.2).
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSAFE = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f{_BIDI}\ufeff\ud800-\udfff]")


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # the control pictures: ␀ … ␟
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    return f"[U+{code:04X}]"


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """Remove terminal escape sequences and make every other control, bidi or broken character visible.

    >>> clean("\\x1b[31mred\\x1b[0m and \\x07bell, abc\\u202edef")
    'red and ␇bell, abc[U+202E]def'

    :param limit: characters to keep; what follows is counted in a last line.
    """
    left_out = len(text) - limit
    if left_out > 0:
        text = text[:limit]
    text = _LINE_END.sub("\n", _ESCAPE_SEQUENCE.sub("", text))
    text = _UNSAFE.sub(_visible, text)
    return f"{text}\n… {left_out} more characters are not shown" if left_out > 0 else text


def one_line(text: str, limit: int = 200) -> str:
    """:func:`clean` for a title, a name or an id: white space becomes single spaces, a long text ends in ``…``."""
    line = " ".join(clean(text, limit=max(limit * 4, 1000)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def number(value: float) -> str:
    """Points with at most two decimals.

    >>> number(18.0), number(17.5), number(20 / 3)
    ('18', '17.5', '6.67')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(fraction: float) -> str:
    """A fraction as whole per cent, where only all is 100 and only nothing is 0.

    >>> percent(0.5), percent(0.999), percent(0.001)
    ('50%', '99%', '1%')
    """
    whole = round(fraction * 100)
    if whole == 100 and fraction < 1:
        whole = 99
    if whole == 0 and fraction > 0:
        whole = 1
    return f"{whole}%"


def outcome_of(test: TestResult) -> str:
    """What became of a test, or of one of the two lines that timed runs decide."""
    return _TIMED_WORDS.get((test.name, test.outcome), OUTCOME_WORDS[test.outcome])


def metric(value: float) -> str:
    """A measured accuracy: two decimals of a per cent tell 10,000 images apart.

    >>> metric(0.9512), metric(1.0), metric(0.0)
    ('95.12%', '100%', '0%')
    """
    return f"{number(100 * value)}%"


def interval(low: float | None, high: float | None) -> str:
    """The bounds of an accuracy; empty where they are not known.

    >>> interval(0.9412, 0.961), interval(None, None)
    ('94.12–96.1%', '')
    """
    return "" if low is None or high is None else f"{number(100 * low)}–{number(100 * high)}%"


def seconds(value: float) -> str:
    """A measured time.

    >>> seconds(3.2049), seconds(0.004)
    ('3.20 s', '0.00 s')
    """
    return f"{value:.2f} s"


def times(value: float) -> str:
    """A multiple.

    >>> times(1.034)
    '1.03×'
    """
    return f"{value:.2f}×"


def count(amount: float, noun: str) -> str:
    """An amount with its noun.

    >>> count(1, "test"), count(0, "test"), count(2.5, "point")
    ('1 test', '0 tests', '2.5 points')
    """
    shown = number(amount)
    return f"{shown} {noun}" if shown == "1" else f"{shown} {noun}s"


def file_stem(student: str) -> str:
    """A file name for a student, without suffix: safe on every file system, and another one for another id.

    >>> file_stem("ada-nowak"), file_stem("../Ada")
    ('ada-nowak', 'ada--4e4af21652b7')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", student.lower())[:40].strip("-")
    if slug and slug == student:
        return slug
    # Something was lost, so two ids may look alike now; no slug holds two hyphens by itself.
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{slug or 'student'}--{digest}"
