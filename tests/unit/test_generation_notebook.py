"""The notebook: its cells, their ids, and what it leaves out."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from grader.errors import TaskError
from grader.generation.notebook import code_cells, make_notebook

SCRIPT = """\
# %% [markdown]
# # Title “é”
#
# $$\\frac{a}{b} \\\\ \\le_{x}$$

# %% tags=["given"] slideshow={"slide_type": "slide"}
import math

# %%
# %matplotlib inline
x = "\\n"

# %%
import math
"""


def cells(script: str, name: str = "a") -> list[Any]:
    return list(nbformat.reads(make_notebook(script, name), as_version=4).cells)


def test_text_and_code_arrive_unchanged_and_never_run() -> None:
    markdown, code, magic, _ = cells(SCRIPT)
    assert markdown.source == "# Title “é”\n\n$$\\frac{a}{b} \\\\ \\le_{x}$$"
    assert (code.source, code.execution_count, code.outputs) == ("import math", None, [])
    assert code.metadata == {"tags": ["given"]}
    assert magic.source == '%matplotlib inline\nx = "\\n"'
    assert code_cells(make_notebook(SCRIPT, "a")) == f"import math\n{magic.source}\nimport math"


def test_the_metadata_is_minimal_and_the_bytes_are_the_same_each_time() -> None:
    text = make_notebook(SCRIPT, "a")
    assert text == make_notebook(SCRIPT, "a")
    notebook = json.loads(text)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "é" in text


def test_jupytexts_header_is_left_out() -> None:
    header = "# ---\n# jupyter:\n#   kernelspec:\n#     name: mine\n# ---\n\n"
    assert make_notebook(header + SCRIPT, "a") == make_notebook(SCRIPT, "a")


def test_ids_are_unique_and_stay_when_other_cells_change() -> None:
    before = [cell.id for cell in cells(SCRIPT)]
    assert len(set(before)) == len(before)
    after = [cell.id for cell in cells("# %%\nfirst = 1\n\n" + SCRIPT.replace("Title", "Other title"))]
    assert after[2:] == before[1:]
    assert after[1] != before[0]
    assert not set(before) & {cell.id for cell in cells(SCRIPT, "b")}


def test_cell_options_outside_the_format_are_a_task_error() -> None:
    with pytest.raises(TaskError, match="notebook would be invalid") as caught:
        make_notebook('# %% tags="given"\nx = 1\n', "a")
    assert caught.value.where == "a.py"
