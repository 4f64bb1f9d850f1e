"""The handout: an assignment and its marks → README.md, by a Jinja2 template."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from grader.model import Assignment, TestSpec, Timed

if TYPE_CHECKING:
    from jinja2 import Template

# Where the name to install differs from the one to import.
DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "cv2": "opencv-python", "yaml": "pyyaml"}
# strftime would name them in the locale of whoever generates.
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip

# Column bars, backslashes, tags, asterisks that touch a word, underscores that do not stand between letters.
_MARKUP = re.compile(r"[|\\]|<(?=[\w/!])|(?<=\S)\*+|\*+(?=\S)|(?<![^\W_])_+|_+(?![^\W_])")


def make_handout(assignment: Assignment, specs: Sequence[TestSpec], packages: Sequence[str]) -> str:
    """Return the text of README.md. Of hidden tests it tells the titles and points alone.

    :param packages: what students install, from :func:`packages_of`.
    """
    text = _template().render(
        assignment=assignment,
        limits=assignment.limits,
        due=_due(assignment.due) if assignment.due else "",
        packages=packages,
        visible=[spec for spec in specs if spec.visible],
        hidden=[spec for spec in specs if not spec.visible and not spec.timed],
        judged=[spec for spec in specs if spec.timed],
        timed=assignment.timed,
        jitter=_jitter(assignment.timed) if assignment.timed else "",
    )
    return text.rstrip("\n") + "\n"


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    jinja = Environment(
        loader=PackageLoader("grader.generation"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    jinja.filters["points"] = _number
    jinja.filters["percent"] = _percent
    jinja.filters["cell"] = _cell
    return jinja.get_template("handout.md.j2")


def packages_of(stub: str, visible_suite: str) -> list[str]:
    """Return what is to be installed for the stub and the visible tests: their imports outside the standard library."""
    modules = {"pytest"}
    for node in (*ast.walk(ast.parse(stub)), *ast.walk(ast.parse(visible_suite))):
        if isinstance(node, ast.Import):
            modules.update(item.name.split(".")[0] for item in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.split(".")[0])
        elif isinstance(node, ast.arg) and node.arg == "rng":  # the fixture is a NumPy generator
            modules.add("numpy")
    return sorted(DISTRIBUTIONS.get(module, module) for module in modules - sys.stdlib_module_names)


def _number(value: float) -> str:
    """``2.0`` → ``2``, ``0.25`` → ``0.25``."""
    return f"{value:.10g}"


def _percent(share: float) -> str:
    """``0.95`` → ``95 %``."""
    return f"{_number(100 * share)} %"


def _jitter(timed: Timed) -> str:
    """How the images are changed, a clause; empty where they are not."""
    changes = []
    if timed.shift_pixels:
        pixels = "pixel" if timed.shift_pixels == 1 else "pixels"
        changes.append(f"shifted by at most {timed.shift_pixels} {pixels} along each axis")
    if timed.noise:
        changes.append(f"made darker or lighter by at most {timed.noise} in each pixel")
    return f"all images, those for training too, are {' and '.join(changes)}" if changes else ""


def _cell(text: str) -> str:
    """Text as a cell of a Markdown table shows it literally; what would be no markup stays as it is."""
    return _MARKUP.sub(lambda found: "".join(f"\\{character}" for character in found.group()), text)


def _due(due: datetime) -> str:
    """``Monday, 5 October 2026, 23:59 (UTC+02:00)``; without the offset where the course gives none."""
    offset = f"{due:%z}"
    zone = f" (UTC{offset[:3]}:{offset[3:5]})" if offset else ""
    return f"{DAYS[due.weekday()]}, {due.day} {MONTHS[due.month - 1]} {due.year}, {due:%H:%M}{zone}"
