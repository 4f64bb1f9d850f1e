"""What reports for a terminal are made of: paragraphs, quoted lines, and the console that draws them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from grader.reports.text import clean

_QUOTE_LIMIT = 4_000  # characters of a traceback or of output: some fifty lines; the HTML report has more


def paragraph(text: str, *, indent: int = 2, style: str = "") -> Padding:
    """Wrapped lines."""
    return Padding(Text(text.strip("\n"), style=style, overflow="fold"), (0, 0, 0, indent))


@dataclass(frozen=True, slots=True)
class Quoted:
    """Lines that keep their ends, for the carets of a traceback; a narrow terminal wraps them itself."""

    text: Text


Part = RenderableType | Quoted


def quoted(text: str, *, indent: int = 2) -> Quoted:
    """Text of the student's, behind a bar."""
    lines = clean(text, _QUOTE_LIMIT).strip("\n").split("\n")
    return Quoted(Text("\n".join(f"{' ' * indent}│ {line}" for line in lines), style="dim"))


def draw(parts: Sequence[Part], width: int, color: bool) -> str:
    """Draw the parts below one another, without white space at the ends of lines."""
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        for part in parts:
            if isinstance(part, Quoted):
                console.print(part.text, soft_wrap=True)
            else:
                console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().split("\n"))
