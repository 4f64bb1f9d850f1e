"""Folders, file names and outputs made to stop a class, or to stay without a mark by an error of the grader's."""

# nbgrader and nbformat have no annotations.
# mypy: disable-error-code="import-untyped, no-untyped-call"
from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.coursedir import CourseDirectory

from grader.model import GradeReport, Outcome, Status, TestResult
from grader.nbgrader_plugin.class_run import NotAutograded
from grader.nbgrader_plugin.classic_run import ClassicRun
from grader.nbgrader_plugin.fallback import why_kernel
from grader.nbgrader_plugin.folders import AssignmentFolders, HandIn, timestamp
from grader.nbgrader_plugin.outcomes import check_outputs
from grader.nbgrader_plugin.runner import CellRules, _Execution
from grader.remote.notebook import CellAnswer, NotebookSession


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_folders_and_files_in_the_instructors_places_give_way(tmp_path: Path) -> None:
    folder, source = tmp_path / "submitted" / "eve" / "tiny", tmp_path / "source" / "tiny"
    write(source / "test_visible.py", "instructor's")
    write(source / "data" / "x.csv", "instructor's")
    write(folder / "test_visible.py" / "x", "student's")
    write(folder / "data", "student's")
    write(folder / "more" / "mine.py", "student's")
    converter = SimpleNamespace(coursedir=CourseDirectory(root=str(tmp_path)), exclude_overwriting={})
    building = AssignmentFolders(converter, "tiny").build(HandIn("eve", folder, ("tiny",)))
    found = {str(path.relative_to(building)): path.read_text() for path in building.rglob("*") if path.is_file()}
    assert found == {"test_visible.py": "instructor's", "data/x.csv": "instructor's", "more/mine.py": "student's"}


def test_a_timestamp_that_is_no_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "timestamp.txt"
    os.mkfifo(path)
    assert timestamp(tmp_path) is None
    path.unlink()
    write(tmp_path / "other.txt", "2001-01-01 12:00:00 UTC")
    path.symlink_to("other.txt")
    assert timestamp(tmp_path) is None
    path.unlink()
    write(path, "2001-01-01 12:00:00.000000 UTC\n")
    assert timestamp(tmp_path) == datetime(2001, 1, 1, 12)


def test_a_folder_named_like_a_module_is_none(tmp_path: Path) -> None:
    write(tmp_path / "tools.py" / "x")
    os.mkfifo(tmp_path / "pipe.py")
    notebook = new_notebook(cells=[new_code_cell("x = 1")])
    assert why_kernel(notebook, tmp_path) == ""


def test_json_of_any_depth_is_written_as_none() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    output = {"output_type": "display_data", "data": {"application/json": deep, "text/plain": "x"}, "metadata": {}}
    shown = {"data": {"application/json": deep}, "metadata": {"a": deep}}

    class Session:
        answers = (CellAnswer([output], {}, {0: "a"}), CellAnswer([], {"a": shown}))

        def __init__(self) -> None:
            self.left = iter(self.answers)

        def execute(self, *_arguments: Any, **_options: Any) -> CellAnswer:
            return next(self.left)

    notebook = new_notebook(cells=[new_code_cell("1"), new_code_cell("2")])
    _Execution(notebook, cast(NotebookSession, Session()), CellRules()).run()
    assert "application/json" in nbformat.writes(notebook)


def test_a_remark_on_a_file_whose_name_is_no_text_can_be_written() -> None:
    name = os.fsdecode(b"\xff.txt")
    result = TestResult("t", "t", 1.0, 1.0, Outcome.PASSED, True)
    report = GradeReport("tiny", "eve", Status.GRADED, 1.0, 1.0, tests=(result,), notes=(f"{name} was left out",))
    (remark, *_rest) = check_outputs(result, report, first=True)
    assert "was left out" in remark.text.encode("utf-8").decode()


@pytest.mark.parametrize("error", [RecursionError(), OSError(21, "Is a directory"), ValueError("x"), MemoryError()])
def test_whatever_a_notebook_leads_to_is_told_of_its_student_alone(tmp_path: Path, error: Exception) -> None:
    told: list[Any] = []
    building = tmp_path / "building"
    building.mkdir()
    run = ClassicRun.__new__(ClassicRun)
    run._finish(HandIn("eve", tmp_path, ("tiny",)), building, {}, error, told.append)
    assert [type(each) for each in told] == [NotAutograded]
    assert told[0].student == "eve"
    assert not building.exists()
