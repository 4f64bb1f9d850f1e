"""Whatever was handed in under a notebook's name: a valid notebook, or words for the student."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

import nbformat

from grader.errors import UnreadableSubmission
from grader.nbgrader_plugin.unreadable import problem_of, read_notebook, unreadable_page

CODE = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": [], "execution_count": None, "id": "one"}
TEXT = {"cell_type": "markdown", "source": ["a\n", "b"], "metadata": {"tags": ["t"]}, "id": "two"}


def document(*cells: Any, **changes: Any) -> dict[str, Any]:
    """A notebook of format 4.5 as JSON."""
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernelspec}, "cells": list(cells), **changes,
    }  # fmt: skip


def read(told: Any) -> Any:
    notebook = read_notebook("a.ipynb", json.dumps(told).encode())
    nbformat.validate(notebook)
    nbformat.writes(notebook, version=nbformat.NO_CONVERT).encode()
    return notebook


def test_a_sound_notebook_is_read_as_it_is() -> None:
    told = document(CODE, TEXT)
    notebook = read(told)
    assert notebook.cells[0] == nbformat.from_dict(CODE)
    assert notebook.cells[1].source == "a\nb"
    assert notebook.metadata == told["metadata"]


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        ([], {}),
        ({"kernelspec": {"name": 7}, "mine": 1}, {"mine": 1}),
        ({"kernelspec": {"name": "python3"}, "title": "t"}, {"title": "t"}),
        ({"language_info": {}, "authors": 3}, {}),
        ({"title": "half \ud800"}, {"title": "half ?"}),
    ],
)
def test_malformed_metadata_are_left_out(metadata: Any, kept: dict[str, Any]) -> None:
    assert read(document(CODE, metadata=metadata)).metadata == kept


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": "x"},
        {"metadata": {"tags": "t", "name": 7}},
        {"outputs": "none"},
        {"outputs": [{"output_type": "stream"}, 7]},
        {"execution_count": "three"},
        {"execution_count": -1},
        {"id": "with space"},
        {"id": "x" * 65},
        {"id": 7},
        {"surplus": 1},
        {"metadata": {"deep": json.loads("[" * 200 + "]" * 200)}},
    ],
)
def test_malformed_parts_of_a_cell_are_left_out_and_its_source_stays(changes: dict[str, Any]) -> None:
    notebook = read(document({**CODE, **changes}, TEXT))
    assert notebook.cells[0].source == "x = 1"
    assert notebook.cells[0].outputs == []
    assert notebook.cells[1].source == "a\nb"
    assert notebook.cells[1].metadata == {"tags": ["t"]}


def test_what_nbgrader_has_noted_survives_malformed_neighbours() -> None:
    noted = {"grade_id": "answer", "solution": True}
    notebook = read(document({**CODE, "metadata": {"nbgrader": noted, "tags": 7}}))
    assert notebook.cells[0].metadata == {"nbgrader": noted}


def test_malformed_text_cells() -> None:
    cells = [
        {"cell_type": "markdown", "source": 3},
        {"cell_type": "odd", "source": ["a", 1, "\ud800"], "metadata": [1]},
        {"cell_type": "markdown", "source": "c", "attachments": 7},
        {"cell_type": "markdown"},
    ]
    notebook = read(document(CODE, *cells))
    assert [cell.source for cell in notebook.cells] == ["x = 1", "", "a?", "c", ""]
    assert [cell.cell_type for cell in notebook.cells] == ["code", "markdown", "raw", "markdown", "markdown"]


def test_copied_cells_get_ids_of_their_own_and_the_same_ones_each_time() -> None:
    told = document(CODE, CODE, {**CODE, "id": "cell-2"}, TEXT)
    ids = [cell.id for cell in read(told).cells]
    assert ids[0] == "one"
    assert len(set(ids)) == 4
    assert [cell.id for cell in read(told).cells] == ids


@pytest.mark.parametrize(("minor", "has_ids"), [(0, False), (4, False), (5, True), (9, False), ("x", False)])
def test_minor_versions(minor: Any, has_ids: bool) -> None:
    notebook = read(document(CODE, nbformat_minor=minor))
    assert ("id" in notebook.cells[0]) == has_ids


def test_format_3_is_read_the_same_each_time() -> None:
    cells = [{"cell_type": "code", "language": "python", "input": "x = 1", "outputs": [], "metadata": {}}]
    told = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    assert [cell.source for cell in read(told).cells] == ["x = 1"]
    assert read(told) == read(told)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"{", "JSON is broken"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"name": "other"}', "not a notebook"),
        (json.dumps(document(CODE, nbformat=7)).encode(), "unknown notebook format 7"),
        (json.dumps(document({**CODE, "source": 3})).encode(), "malformed cells"),
        (json.dumps(document("x")).encode(), "malformed cells"),
        (json.dumps(document(TEXT)).encode(), "no code cell"),
    ],
)
def test_what_is_no_notebook_is_refused_with_words(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableSubmission, match=words):
        read_notebook("a.ipynb", data)


def test_no_mixture_of_malformed_parts_gets_through() -> None:
    """Parts of a sound notebook replaced at random: what comes out is valid and can be written, or is refused."""
    values = [None, 7, -1, 1.5, "x", "a b", "\ud800", [], {}, [1], {"a": "\ud800"}, True, "x" * 100, {"nbgrader": 3}]
    rng = random.Random(1)
    noted = {**CODE["metadata"], "nbgrader": {"grade_id": "a", "solution": True}}  # type: ignore[dict-item]
    told = document({**CODE, "metadata": noted}, {**TEXT, "attachments": {"a.png": {"image/png": "AA=="}}}, CODE)
    good = 0
    for _ in range(400):
        mutant = json.loads(json.dumps(told))
        for _ in range(rng.choice((1, 2, 4))):
            parent, key = rng.choice(places(mutant))
            parent[key] = rng.choice(values)
        try:
            read(mutant)
        except UnreadableSubmission:
            continue
        good += 1
    assert good > 100


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *places(value[key])]]


def test_special_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "fifo")
    assert problem_of(tmp_path / "file") == ""
    assert problem_of(tmp_path / "link") == "link is a symbolic link; hand in the file itself."
    assert problem_of(tmp_path / "fifo") == "fifo is a fifo, socket or device; hand in the file itself."


def test_the_page_for_a_notebook_that_cannot_be_read() -> None:
    page = unreadable_page("a.ipynb is empty.")
    nbformat.validate(page)
    assert "could not be read\n\na.ipynb is empty. None of the checks" in page.cells[0].source
