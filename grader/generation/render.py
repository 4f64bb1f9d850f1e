"""The handout: an assignment and its marks → README.md, by a Jinja2 template."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from grader.model import Assignment, Environment, TestSpec

if TYPE_CHECKING:
    from jinja2 import Template

PACKAGES = {
    Environment.NUMPY: ("numpy", "matplotlib", "pytest"),
    Environment.TORCH: ("numpy", "matplotlib", "torch", "pytest"),
    Environment.TENSORFLOW: ("numpy", "matplotlib", "tensorflow", "pytest"),
}
# strftime would name them in the locale of whoever generates.
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip


def make_handout(assignment: Assignment, specs: Sequence[TestSpec]) -> str:
    """Return the text of README.md. Of hidden tests it tells the titles and points alone."""
    text = _template().render(
        assignment=assignment,
        limits=assignment.limits,
        due=_due(assignment.due) if assignment.due else "",
        packages=PACKAGES[assignment.environment],
        visible=[spec for spec in specs if spec.visible],
        hidden=[spec for spec in specs if not spec.visible],
    )
    return text.rstrip("\n") + "\n"


@cache
def _template() -> Template:
    from jinja2 import Environment as Jinja
    from jinja2 import PackageLoader, StrictUndefined

    jinja = Jinja(
        loader=PackageLoader("grader.generation"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    jinja.filters["points"] = _number
    jinja.filters["cell"] = _cell
    return jinja.get_template("handout.md.j2")


def _number(value: float) -> str:
    """``2.0`` → ``2``, ``0.25`` → ``0.25``."""
    return f"{value:.10g}"


def _cell(text: str) -> str:
    """Text as a cell of a Markdown table shows it literally."""
    return re.sub(r"([|*<\\])", r"\\\1", text)


def _due(due: datetime) -> str:
    """``Monday, 5 October 2026, 23:59 (UTC+02:00)``; without the offset where the course gives none."""
    offset = f"{due:%z}"
    zone = f" (UTC{offset[:3]}:{offset[3:5]})" if offset else ""
    return f"{DAYS[due.weekday()]}, {due.day} {MONTHS[due.month - 1]} {due.year}, {due:%H:%M}{zone}"
