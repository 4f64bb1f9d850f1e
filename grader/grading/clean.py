"""Text of a submission's, made fit for a terminal, a page and a database."""

from __future__ import annotations

import re
import unicodedata

# CSI and OSC sequences, then any other escape of two characters.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?")
# Characters that reorder or hide text: bidirectional controls, zero-width and tag characters.
_HIDING = frozenset("\u200b\u200e\u200f\u2028\u2029\u2060\ufeff") | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def clean(text: str, limit: int = 20_000) -> str:
    """Without escape sequences and control characters but newline and tab; at most ``limit`` characters."""
    if len(text) > limit:
        text = text[:limit] + "\n[shortened]"
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c if c in "\n\t" or _is_visible(c) else "\ufffd" for c in text)


def _is_visible(character: str) -> bool:
    return character not in _HIDING and unicodedata.category(character) not in ("Cc", "Cs", "Co", "Cn")
