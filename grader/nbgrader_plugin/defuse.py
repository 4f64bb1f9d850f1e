"""Take out of a submitted notebook what would run in the browser of whoever grades it.

The formgrader shows students' Markdown as HTML, on a page whose scripts may change every mark of the class.
"""

# nbgrader has no annotations.
# mypy: disable-error-code="import-untyped, no-untyped-call"
from __future__ import annotations

import binascii
import re
from collections.abc import Container, Mapping
from typing import Any

from nbgrader import utils

# What an HTML parser takes for the beginning of a tag, a comment or a declaration.
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
# A link or a link's definition, with where it leads. Other places than a web page can be spelt in many ways.
_LINK = re.compile(r"\](?=\((?P<web>https?://)|\(attachment:(?P<picture>[^()\s]+)\)|[(:])")
# MathJax' commands that make links and attributes, or load more of their kind.
_MATH = re.compile(r"\\+(?=(?:href|require|cssId|class|style|data)\b)")
# Ways to write a backslash that only the browser reads.
_HIDDEN_BACKSLASH = re.compile(r"&(?=#|bsol;)")
# Of the notebook's own metadata, what nbgrader and the exporters need.
KEPT_METADATA = ("kernelspec", "language_info")
# Pictures in Markdown cells that are shown as such; an SVG may hold scripts.
PICTURES = frozenset(("image/png", "image/jpeg", "image/gif"))
# In a cell as it was released, where they may be the instructor's: an <img> runs no scripts of an SVG.
RELEASED_PICTURES = PICTURES | {"image/svg+xml"}


def defuse(notebook: Any) -> None:
    """Make markup in the student's own Markdown and raw cells visible instead of effective, in place.

    Cells that stand as they were released keep it, if not all attachments, which no checksum covers. Outputs are to be
    written by us.

    :param notebook: NotebookNode whose watched cells have been restored.
    """
    notebook.metadata = type(notebook.metadata)(
        {key: value for key, value in notebook.metadata.items() if key in KEPT_METADATA}
    )
    for cell in notebook.cells:
        if cell.cell_type == "code":
            continue
        released = _is_as_released(cell)
        if "attachments" in cell:
            kinds = RELEASED_PICTURES if released else PICTURES
            pictures = {name: _pictures(each, kinds) for name, each in cell.attachments.items()}
            cell.attachments = {name: kept for name, kept in pictures.items() if kept}
        if released:
            continue
        if cell.cell_type == "raw":
            cell.metadata.pop("raw_mimetype", None)
            cell.metadata.pop("format", None)
        text = _TAG.sub("&lt;", _HIDDEN_BACKSLASH.sub("&amp;", cell.source))
        cell.source = _MATH.sub("", _without_links(text, cell.get("attachments", {})))


def _without_links(text: str, pictures: Mapping[str, object]) -> str:
    """Text in which links lead to web pages and to pictures that are there: nbconvert fails at one that is missing."""

    def checked(found: re.Match[str]) -> str:
        # No backslash: behind one of the student's it would stand for itself, and the link would be one.
        return "]" if found["web"] or found["picture"] in pictures else "&#93;"

    return _LINK.sub(checked, text)


def _is_as_released(cell: Any) -> bool:
    noted = cell.metadata.get("nbgrader")
    return bool(noted and noted.get("checksum") and noted["checksum"] == utils.compute_checksum(cell))


def _pictures(bundle: Any, kinds: Container[str]) -> dict[str, str]:
    if not isinstance(bundle, dict):
        return {}
    return {kind: data for kind, data in bundle.items() if kind in kinds and _is_base64(data)}


def _is_base64(data: Any) -> bool:
    try:
        binascii.a2b_base64("".join(data.split()), strict_mode=True)
    except (ValueError, AttributeError, TypeError):
        return False
    return True
