"""Reading a student's folder; tests/functional/test_grade_class.py has what it says of each kind of file."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import InfrastructureError, MissingSubmission, UnreadableSubmission
from grader.grading.intake import (
    MAX_CELLS,
    MAX_DEPTH,
    MAX_FILES,
    Handout,
    Submission,
    decode_source,
    parse_notebook,
    read_handout,
    read_submission,
)
from grader.model import Assignment, Environment, Limits, SubmissionFiles

NOTHING = Handout("", ())
WORK = "x = 1\n"


def assignment(root: Path) -> Assignment:
    limits = Limits(submission_mb=1)
    return Assignment("work", "", "", Environment.NUMPY, 1.0, limits, 1, None, root / "work.py", root / "autotests")


def read(folder: Path, handout: Handout = NOTHING) -> SubmissionFiles:
    return read_submission(Submission("ada", assignment(folder), folder), handout)


def cells(*sources: str) -> list[dict[str, Any]]:
    return [{"cell_type": "code", "source": source, "metadata": {}} for source in sources]


def notebook(*sources: str, **more: Any) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells(*sources), **more}).encode()


def test_a_script_with_helpers_and_data(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "one.py").write_text("y = 2\n")
    (tmp_path / "data.bin").write_bytes(b"\0\1")
    read_files = read(tmp_path)
    assert read_files.entry == "work.py"
    assert read_files.files == {"work.py": b"x = 1\r\n", "parts/one.py": b"y = 2\n", "data.bin": b"\0\1"}
    assert (read_files.cells, read_files.notes) == (None, ())


def test_what_tools_leave_behind_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    for folder in ("__pycache__", ".ipynb_checkpoints", ".git", "__MACOSX"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "work.py").write_text("other")
    for name in (".DS_Store", "README.md", "test_visible.py"):
        (tmp_path / name).write_text("as handed out")
    assert set(read(tmp_path).files) == {"work.py"}


def test_the_encoding_that_a_coding_line_names_counts(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_bytes("# coding: latin-1\nname = 'Zoë'\n".encode("latin-1"))
    assert "Zoë" in read(tmp_path).source


def test_no_folder_a_file_instead_and_a_link(tmp_path: Path) -> None:
    with pytest.raises(MissingSubmission, match="Nothing was handed in"):
        read(tmp_path / "nowhere")
    (tmp_path / "file").write_text(WORK)
    with pytest.raises(UnreadableSubmission, match="a file where a folder is expected"):
        read(tmp_path / "file")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UnreadableSubmission, match="symbolic link"):
        read(tmp_path / "link")


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "work.py").mkdir()
    with pytest.raises(MissingSubmission, match=r"neither work\.py nor work\.ipynb"):
        read(tmp_path)


def test_a_linked_folder_is_not_entered_and_a_socket_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "system").symlink_to("/etc")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        read_files = read(tmp_path)
    assert set(read_files.files) == {"work.py"}
    assert read_files.notes == (
        "socket was left out: it is a fifo, socket or device.",
        "system was left out: it is a symbolic link.",
    )


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/data\xff.txt")).write_text("x")
    read_files = read(tmp_path)
    assert set(read_files.files) == {"work.py"}
    assert "not text" in read_files.notes[0]


def test_folders_that_lie_too_deep_are_said_to_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    folder = tmp_path
    for _ in range(MAX_DEPTH + 1):
        folder = folder / "d"
        folder.mkdir()
        (folder / "m.py").write_text(WORK)
    read_files = read(tmp_path)
    assert len(read_files.files) == 1 + MAX_DEPTH
    assert read_files.notes == ("d/d/d/d/d/ was left out: it lies more than 4 folders deep.",)


def test_the_size_limit_is_for_all_files_together(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "a.bin").write_bytes(b"1" * (2**20 - len(WORK)))
    assert len(read(tmp_path).files) == 2
    (tmp_path / "b.bin").write_bytes(b"1")
    with pytest.raises(UnreadableSubmission, match="larger than 1 MiB together"):
        read(tmp_path)


STUB, CELLS = "# a comment\n\ndef f(x):\n    raise NotImplementedError\n", ("import numpy\n", "def f(x):\n    ...")
HANDOUT = Handout(STUB, CELLS)


@pytest.mark.parametrize(
    ("script", "sources", "entry"),
    [
        (WORK, CELLS, "work.py"),
        (STUB, [WORK], "work.ipynb"),
        (STUB, CELLS, "work.py"),
        (STUB.replace("\n", "\r\n"), [WORK], "work.ipynb"),  # saved on Windows
        (WORK, [*CELLS, "", "  \n"], "work.py"),  # Jupyter adds an empty cell
        (STUB, ["import numpy", CELLS[1]], "work.py"),
    ],
)
def test_of_two_candidates_the_touched_one_counts(tmp_path: Path, script: str, sources: list[str], entry: str) -> None:
    (tmp_path / "work.py").write_bytes(script.encode())
    (tmp_path / "work.ipynb").write_bytes(notebook(*sources))
    read_files = read(tmp_path, HANDOUT)
    assert read_files.entry == entry
    assert set(read_files.files) == {entry}, "the other is no helper of it"
    assert "is untouched" in read_files.notes[0]


@pytest.mark.parametrize("handout", [HANDOUT, NOTHING])
def test_two_touched_candidates_are_for_the_student_to_decide(tmp_path: Path, handout: Handout) -> None:
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "work.ipynb").write_bytes(notebook(WORK))
    with pytest.raises(UnreadableSubmission, match="hand in one of them"):
        read(tmp_path, handout)


def test_a_broken_notebook_beside_an_untouched_script_is_the_students_work(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(STUB)
    (tmp_path / "work.ipynb").write_text("{")
    with pytest.raises(UnreadableSubmission, match="JSON is broken"):
        read(tmp_path, HANDOUT)


def test_the_handout_is_what_was_generated(tmp_path: Path) -> None:
    assert read_handout(tmp_path, assignment(tmp_path)) == NOTHING
    folder = tmp_path / "assignments" / "work"
    folder.mkdir(parents=True)
    (folder / "work.py").write_text(STUB)
    (folder / "work.ipynb").write_bytes(notebook(*CELLS))
    assert read_handout(tmp_path, assignment(tmp_path)) == HANDOUT


def test_a_notebooks_cells_keep_their_numbers() -> None:
    document = json.loads(notebook())
    document["cells"] = [{"cell_type": "markdown", "source": "# Title"}, *cells(WORK), *cells("y = [\n")]
    document["cells"][1]["source"] = ["x = 1\n", "y = 2"]
    assert parse_notebook("work.ipynb", json.dumps(document).encode()) == ((2, "x = 1\ny = 2"), (3, "y = [\n"))


def test_of_nbgraders_tests_only_rewritten_copies_are_work() -> None:
    def cell(source: str, **noted: Any) -> dict[str, Any]:
        return {"cell_type": "code", "source": source, "metadata": {"nbgrader": noted}}

    test = {"grade": True, "solution": False, "grade_id": "test_root"}
    cells = [
        cell("def helper(): pass", **test),
        cell("check(1)", **test),
        cell("answer = 1", grade=True, solution=True, grade_id="by hand"),
        cell("check(1)", **test),
    ]
    document = {"nbformat": 4, "metadata": {}, "cells": cells}
    found = parse_notebook("work.ipynb", json.dumps(document).encode())
    assert found == ((1, "def helper(): pass"), (3, "answer = 1"))


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"kernelspec": None},
        {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        {"kernelspec": {"language": "python"}, "language_info": {"name": "python", "version": "3.8"}},
        {"kernelspec": {"language": ""}, "language_info": {"name": "ipython"}},
    ],
)
def test_notebooks_in_python(metadata: Any) -> None:
    assert parse_notebook("work.ipynb", notebook(WORK, metadata=metadata)) == ((1, WORK),)


@pytest.mark.parametrize("metadata", [{"kernelspec": {"language": "julia"}}, {"language_info": {"name": "R"}}])
def test_notebooks_in_another_language(metadata: Any) -> None:
    with pytest.raises(UnreadableSubmission, match="not for Python"):
        parse_notebook("work.ipynb", notebook(WORK, metadata=metadata))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\xff\xfe{", "not UTF-8"),
        (b"[]", "not a notebook"),
        (b'{"nbformat": true}', "not a notebook"),
        (b'{"nbformat": "4"}', "not a notebook"),
        (b'{"nbformat": 1}', "unknown notebook format 1"),
        (b'{"nbformat": 4}', "malformed cells"),
        (b'{"nbformat": 3}', "malformed cells"),
        (b'{"nbformat": 4, "cells": [3]}', "malformed cells"),
        (notebook("x = '\ud800'"), "malformed cells"),
        (notebook(*["x"] * (MAX_CELLS + 1)), "more than"),
    ],
)
def test_notebooks_that_cannot_be_read(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableSubmission, match=why):
        parse_notebook("work.ipynb", data)


NEAR_A_NOTEBOOK = st.dictionaries(
    st.sampled_from(["nbformat", "cells", "metadata", "worksheets", "nbformat_minor"]),
    st.recursive(
        st.none() | st.booleans() | st.integers(1, 5) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["cell_type", "source", "kernelspec", "language", "cells"]), inner)
        ),
        max_leaves=8,
    ),
)


@given(NEAR_A_NOTEBOOK)
def test_any_json_is_cells_or_a_reason(document: Any) -> None:
    with contextlib.suppress(UnreadableSubmission):
        found = parse_notebook("work.ipynb", json.dumps(document).encode())
        assert all(isinstance(number, int) and isinstance(source, str) for number, source in found)


CODINGS = ("utf-8", "latin-1", "utf-7", "unicode_escape", "rot13", "idna", "undefined", "hex", "utf-16", "mbcs", "")


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@given(st.binary(max_size=60), st.sampled_from(CODINGS))
def test_any_bytes_are_text_or_a_reason(data: bytes, coding: str) -> None:
    with contextlib.suppress(UnreadableSubmission):
        text = decode_source("work.py", (f"# coding: {coding}\n".encode() if coding else b"") + data)
        text.encode("utf-8")


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ENOMEM, errno.ESTALE])
def test_a_disk_that_fails_is_not_the_students_doing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "work.py").write_text(WORK)

    def fail(path: str, *_: Any) -> int:
        raise OSError(number, os.strerror(number), path)

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(InfrastructureError, match=os.strerror(number)):
        read(tmp_path)


def test_a_flood_of_links_is_refused_and_not_noted_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(WORK)
    for number in range(MAX_FILES + 1):
        (tmp_path / f"link{number}").symlink_to("work.py")
    with pytest.raises(UnreadableSubmission, match=f"more than {MAX_FILES} files"):
        read(tmp_path)
