"""What a class's run takes for handed in, for done, and for a setting that it cannot heed."""

# nbgrader has no annotations.
# mypy: disable-error-code="import-untyped"
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory

from grader.errors import StoreError, UsageError
from grader.nbgrader_plugin.classroom_app import open_run
from grader.nbgrader_plugin.folders import AssignmentFolders
from grader.nbgrader_plugin.gradebook import ClassGradebook

STRUCTURES = ("{nbgrader_step}/{student_id}/{assignment_id}", "{nbgrader_step}/{assignment_id}/{student_id}/work")
ODD = ("ada", "ben.o'hara@example.org", "c d+e", "ä#1")


def hand_in(coursedir: CourseDirectory, student: str, timestamp: str = "") -> None:
    folder = Path(coursedir.format_path("submitted", student, "tiny"))
    folder.mkdir(parents=True)
    (folder / "tiny.ipynb").touch()
    if timestamp:
        (folder / "timestamp.txt").write_text(timestamp, encoding="utf-8")


@pytest.mark.parametrize("structure", STRUCTURES)
def test_everybody_is_found_whatever_the_folders_structure(tmp_path: Path, structure: str) -> None:
    root = tmp_path / 'a "course" (2)'
    coursedir = CourseDirectory(root=str(root), directory_structure=structure, student_id_exclude="zoe")
    for student in (*ODD, "zoe", ".hidden"):
        hand_in(coursedir, student)
    found, warnings = AssignmentFolders(SimpleNamespace(coursedir=coursedir), "tiny").hand_ins(["tiny"])
    assert sorted(each.student for each in found) == sorted(ODD)
    assert not warnings


def test_a_time_that_is_none_is_told(tmp_path: Path) -> None:
    coursedir = CourseDirectory(root=str(tmp_path))
    hand_in(coursedir, "ada", "2001-01-01 12:00:00 UTC")
    hand_in(coursedir, "ben", "yesterday")
    _, warnings = AssignmentFolders(SimpleNamespace(coursedir=coursedir), "tiny").hand_ins(["tiny"])
    assert warnings == ["ben's timestamp.txt holds no time; the work counts as handed in in time"]


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # of nbgrader's own code
def test_who_is_recorded(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gradebook.db"
    with Gradebook(url, "course") as theirs:
        for name in ("tiny", "other"):
            theirs.add_assignment(name)
        for student in ("ada", "ben"):
            theirs.add_student(student)
        theirs.add_submission("tiny", "ada")
        theirs.add_submission("other", "ben")
    with ClassGradebook(url, "course") as gradebook:
        assert gradebook.recorded(gradebook.assignment("tiny")) == {"ada"}


def test_no_message_holds_a_password(tmp_path: Path) -> None:
    url = "postgresql+psycopg://me:secret@127.0.0.1:1/gradebook"
    with pytest.raises(StoreError) as failure:
        ClassGradebook(url, "course")
    assert "secret" not in f"{failure.value} {failure.value.where}"


@pytest.mark.parametrize("setting", ["pre_convert_hook", "post_convert_hook", "create_student"])
def test_a_setting_that_cannot_be_heeded_is_refused(setting: str) -> None:
    plain: dict[str, Any] = {"pre_convert_hook": None, "post_convert_hook": None, "create_student": True}
    converter = SimpleNamespace(**{**plain, setting: False})
    with pytest.raises(UsageError, match=setting):
        open_run(converter, None, "tiny")  # type: ignore[arg-type]  # it does not come to the gradebook
