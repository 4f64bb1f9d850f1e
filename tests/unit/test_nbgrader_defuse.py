"""What a student writes is shown to whoever grades it, and never runs in that browser."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell
from nbgrader.utils import compute_checksum
from traitlets.config import Config

from grader.nbgrader_plugin.defuse import defuse

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def rendered(notebook: Any) -> BeautifulSoup:
    config = Config()
    config.HTMLExporter.template_name = "basic"
    return BeautifulSoup(HTMLExporter(config=config).from_notebook_node(notebook)[0], "html.parser")


def hazards(page: BeautifulSoup) -> list[str]:
    found = [tag.name for tag in page.find_all(["script", "iframe", "object", "embed", "form", "style", "svg", "x"])]
    for tag in page.find_all(True):
        found += [name for name in tag.attrs if name.startswith("on")]
        places = [str(tag.get(name, "")).strip().lower() for name in ("href", "src")]
        found += [place for place in places if place.startswith(("javascript", "data:text", "vbscript"))]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "<script>steal()</script>",
        "<img src=x onerror=steal()>",
        "before <IFRAME src='javascript:steal()'></IFRAME>",
        "<x onmouseover=steal()>hover</x>",
        "<svg/onload=steal()>",
        "`code` <script>steal()</script> `code`",
        "```\n<script>1</script>\n```\n<script>steal()</script>",
        "a ` <b onclick=steal()>x</b>",
        "[click](javascript:steal())",
        "![x](data:text/html,<script>steal()</script>)",
        "[click]( JaVaScRiPt:steal())",
        "[click](javascript&colon;steal())",
        "[click](java&#115;cript:steal())",
        "[click\\](javascript:steal())",
        "[click\\\\\\](javascript:steal())",
        "| a |\n|---|\n| [click\\](javascript:steal()) |",
        "[click][ref]\n\n[ref]: javascript:steal()",
        "[click][ref]\n\n[ref\\]: javascript:steal()",
        "[ref]\n\n  [ref]: <javascript:steal()>",
        "$\\href{javascript:steal()}{x}$",
        "<https://example.org/><script >steal()</script >",
        "<!-- --><script>steal()</script>",
        "$x$ <style>body{display:none}</style>",
        "<form action='/formgrader/api/grade/1'><input></form>",
    ],
)
def test_markup_of_a_student_is_text(text: str) -> None:
    for cell in (new_markdown_cell(text), new_raw_cell(text, metadata={"raw_mimetype": "text/html"})):
        notebook = new_notebook(cells=[cell])
        defuse(notebook)
        assert not hazards(rendered(notebook)), text


@pytest.mark.parametrize("slash", ["\\", "\\\\", "\\\\\\", "&#92;", "&#x5c;", "&bsol;"])
def test_commands_of_mathjax_that_make_links_are_words(slash: str) -> None:
    notebook = new_notebook(cells=[new_markdown_cell(f"&#36;{slash}href{{javascript:steal()}}{{x}}$")])
    defuse(notebook)
    assert "\\href" not in rendered(notebook).get_text()


def test_ordinary_markdown_stays() -> None:
    text = "# Title\n\n> quoted\n\n1 < 2, $a < b$ and **bold**\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- item"
    text += "\n\n[site](https://example.org) ![p](attachment:p.png)"
    notebook = new_notebook(cells=[new_markdown_cell(text)])
    notebook.cells[0].attachments = {"p.png": {"image/png": PNG}}
    defuse(notebook)
    assert notebook.cells[0].source == text
    page = rendered(notebook)
    assert all(page.find(name) for name in ("h1", "blockquote", "strong", "table", "li", "a", "img"))


def test_a_cell_as_it_was_released_keeps_its_markup() -> None:
    text = "Look: <details><summary>more</summary>less</details>"
    cell = new_markdown_cell(text, metadata={"nbgrader": {"grade_id": "a", "locked": True}})
    cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    edited = new_markdown_cell(text + "<script>", metadata={"nbgrader": dict(cell.metadata.nbgrader)})
    notebook = new_notebook(cells=[cell, edited])
    defuse(notebook)
    assert notebook.cells[0].source == text
    assert "<" not in notebook.cells[1].source


def test_attachments_are_pictures() -> None:
    cell = new_markdown_cell("![a](attachment:a.png) ![b](attachment:b.png)")
    notebook = new_notebook(cells=[cell])
    cell.attachments = {
        "a.png": {"image/png": PNG, "image/svg+xml": "<svg onload=steal()>"},
        "b.png": {'image/png" onerror="steal()': PNG, "image/png": '" onerror="steal()'},
        "c.png": "none",
    }
    defuse(notebook)
    assert cell.attachments == {"a.png": {"image/png": PNG}}
    assert not hazards(rendered(notebook))


def test_attachments_of_a_released_cell_are_pictures() -> None:
    cell = new_markdown_cell("![a](attachment:a.svg)", metadata={"nbgrader": {"grade_id": "a", "locked": True}})
    cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    cell.attachments = {"a.svg": {'image/svg+xml" onerror="steal()': PNG, "text/html": PNG, "image/svg+xml": PNG}}
    notebook = new_notebook(cells=[cell])
    defuse(notebook)
    assert cell.attachments == {"a.svg": {"image/svg+xml": PNG}}
    assert not hazards(rendered(notebook))


def test_code_and_known_metadata_stay() -> None:
    notebook = new_notebook(
        cells=[new_code_cell("x = a<b")],
        metadata={"language_info": {"name": "python"}, "title": "</title><script>", "widgets": {"x": 1}},
    )
    defuse(notebook)
    assert notebook.cells[0].source == "x = a<b"
    assert dict(notebook.metadata) == {"language_info": {"name": "python"}}
