"""nbgrader's gradebook: late penalties in it by course.toml, and out of it the files for Canvas and Moodle."""

from __future__ import annotations

import csv
import datetime
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import sqlalchemy

from tests.functional.nbgrader_tools import BIN, environment, nbgrader

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from grader.nbgrader_plugin.canvas import CanvasExport
from grader.nbgrader_plugin.late import LatePenalty
from grader.nbgrader_plugin.moodle import MoodleExport

# nbgrader adds its objects in an order that SQLAlchemy warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Object of type")

DUE = datetime.datetime(2026, 10, 5, 22, 0)
COURSE = 'name = "c"\nseed = 1\n[late]\ngrace_minutes = 15\npercent_per_day = 10\nzero_after_days = 7\n'
CELLS = {"descent": {"test_step": 6.0, "hidden_1": 4.0}, "reading": {"essay": 3.0}}
# id, last name, first name, email, lms_user_id; then hours late and the marks of each assignment, None: not graded yet.
STUDENTS: list[tuple[Any, ...]] = [
    ("anna", "Müller", "Anna", "Anna@x.org", "1001", {"descent": (0.0, [6.0, 2.5]), "reading": (0.0, [3.0])}),
    ("ben", '=HYPERLINK("x","y")', "Ben", None, None, {"descent": (24.5, [4.0, 4.0])}),
    ("chiara", "Rossi", None, "c@x.org", "12chiara", {"descent": (0.0, [0.0, None]), "reading": (200.0, [1.0])}),
    ("dora", None, None, "", None, {}),
    ("-eve", "Eve", "E\nve", "=e@x.org", None, {"descent": (0.0, [1.0, 0.0])}),
]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course folder with a gradebook in which nothing is late yet."""
    root = tmp_path_factory.mktemp("a 'course' #1")
    (root / "course.toml").write_text(COURSE, encoding="utf-8")
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{BIN}{os.pathsep}{path}"  # nbgrader asks alembic for the version of a new gradebook
    try:
        gradebook = Gradebook(f"sqlite:///{root}/gradebook.db")
    finally:
        os.environ["PATH"] = path
    with gradebook:
        for name, cells in CELLS.items():
            gradebook.add_assignment(name, duedate=DUE)
            gradebook.add_notebook(name, name)
            for cell, points in cells.items():
                gradebook.add_grade_cell(cell, name, name, max_score=points, cell_type="code")
        for id, last, first, email, lms, work in STUDENTS:
            gradebook.add_student(id, last_name=last, first_name=first, email=email, lms_user_id=lms)
            for name, (hours, marks) in work.items():
                time = DUE + datetime.timedelta(hours=hours)
                gradebook.update_or_create_submission(name, id, timestamp=time)
                for cell, mark in zip(CELLS[name], marks, strict=True):
                    grade = gradebook.find_grade(cell, name, name, id)
                    grade.auto_score = mark
                    grade.needs_manual_grade = mark is None
        gradebook.db.commit()
    return root


@pytest.fixture
def gradebook(course: Path) -> Iterator[Any]:
    with Gradebook(f"sqlite:///{course}/gradebook.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def penalised(course: Path) -> Path:
    """The same, after nbgrader's preprocessor has looked at every submission."""
    config = Config()
    config.AssignLatePenalties.plugin_class = "grader.nbgrader_plugin.late.LatePenalty"
    config.GraderCourse.course_root = str(course)
    for id, *_, work in STUDENTS:
        for name in work:
            place = {"notebook": name, "assignment": name, "student": id, "db_url": f"sqlite:///{course}/gradebook.db"}
            preprocessor = AssignLatePenalties(config=config)
            preprocessor.preprocess(nbformat.v4.new_notebook(), {"nbgrader": place})
            assert type(preprocessor.plugin_inst) is LatePenalty
    return course


def table(path: Path) -> list[list[str]]:
    text = path.read_bytes().decode("utf-8")
    assert "\r" not in text
    return list(csv.reader(text.splitlines(keepends=True), strict=True))


def test_late_penalties_by_course_toml(penalised: Path, gradebook: Any) -> None:
    def penalty(name: str, id: str) -> float | None:
        lost: float | None = gradebook.find_submission_notebook(name, name, id).late_submission_penalty
        return lost

    assert penalty("descent", "anna") is None
    assert penalty("descent", "ben") == pytest.approx(1.6), "24 hours and a half: the second day after the grace"
    assert penalty("reading", "chiara") == 1.0, "after a week nothing is earned"


def test_the_file_for_canvas(penalised: Path) -> None:
    (penalised / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CanvasExport.assignment_columns = {"descent": "Gradient descent (77)"}\n', encoding="utf-8"
    )
    env = environment(penalised / "home")
    done = nbgrader(
        penalised, "export", "--exporter=grader.nbgrader_plugin.canvas.CanvasExport", "--to", "for canvas.csv", env=env
    )
    assert table(penalised / "for canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Gradient descent (77)", "reading"],
        ["    Points Possible", "", "", "", "", "10", "3"],
        ["dora", "", "", "dora", "", "", ""],
        ["'=HYPERLINK(\"x\",\"y\"), Ben", "", "", "ben", "", "6.4", ""],
        ["Müller, Anna", "1001", "", "anna", "", "8.5", "3"],
        ["Rossi", "", "", "chiara", "", "", "0"],
    ]
    assert "-eve is left out: '-eve' cannot stand in a table unchanged" in done.stderr


def test_the_file_for_moodle(penalised: Path) -> None:
    env = environment(penalised / "home")
    done = nbgrader(
        penalised,
        "export",
        "--exporter=grader.nbgrader_plugin.moodle.MoodleExport",
        "--MoodleExport.identify_by=Email address",
        "--MoodleExport.missing=zero",
        "--assignment=reading",
        "--student=anna",
        "--student=ben",
        "--student=chiara",
        "--to=moodle.csv",
        env=env,
    )
    assert table(penalised / "moodle.csv") == [
        ["First name", "Last name", "Email address", "reading"],
        ["Anna", "Müller", "Anna@x.org", "3"],
        ["", "Rossi", "c@x.org", "0"],
    ]
    assert "ben is left out: the gradebook has no email address" in done.stderr
    moodle = "--exporter=grader.nbgrader_plugin.moodle.MoodleExport"
    done = nbgrader(penalised, "export", moodle, "--student=ana", env=env, fails=True)
    assert "the gradebook has no such student: ana" in done.stderr
    assert 'did you mean "anna"?' in done.stderr
    assert "Traceback" not in done.stderr


def test_moodle_reads_a_dash_as_no_grade(penalised: Path, gradebook: Any, tmp_path: Path) -> None:
    MoodleExport(to=str(tmp_path / "m.csv"), student=["dora", "chiara"]).export(gradebook)
    assert table(tmp_path / "m.csv") == [
        ["First name", "Last name", "Username", "descent", "reading"],
        ["", "", "dora", "-", "-"],
        ["", "Rossi", "chiara", "-", "0"],
    ]
    MoodleExport(to=str(tmp_path / "m.csv"), student=["chiara", "anna"], identify_by="ID number").export(gradebook)
    assert [row[2] for row in table(tmp_path / "m.csv")] == ["ID number", "1001", "12chiara"]


def test_what_stands_for_what_is_not_graded(penalised: Path, gradebook: Any, tmp_path: Path) -> None:
    CanvasExport(
        to=str(tmp_path / "c.csv"), student=["dora", "chiara"], missing="zero", unsettled="points"
    ).export(gradebook)
    assert [row[5:] for row in table(tmp_path / "c.csv")[2:]] == [["0", "0"], ["0", "0"]]
    CanvasExport(to=str(tmp_path / "c.csv"), no_grade="n/a", encoding="utf-8-sig").export(gradebook)
    assert (tmp_path / "c.csv").read_bytes().startswith(b"\xef\xbb\xbfStudent,")
    assert "n/a,n/a" in (tmp_path / "c.csv").read_text(encoding="utf-8")


def test_canvas_would_read_the_digits_of_an_id(
    penalised: Path, gradebook: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = CanvasExport(to=str(tmp_path / "c.csv"), id_column="ID")
    exporter.log = logging.getLogger("export")
    exporter.export(gradebook)
    assert table(tmp_path / "c.csv")[2:] == []
    assert "anna is left out: the ID anna is no number" in caplog.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"assignment": ["reeding"]}, 'did you mean "reading"?'),
        ({"assignment_columns": {"decent": "D"}}, 'did you mean "descent"?'),
        ({"assignment_columns": {"descent": "reading"}}, 'would stand in the column "reading"'),
        ({"to": "no such folder/grades.csv"}, "cannot be written"),
    ],
)
def test_a_mistake_in_the_options_is_told(
    penalised: Path, gradebook: Any, options: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = CanvasExport(**options)
    exporter.log = logging.getLogger("export")
    with pytest.raises(SystemExit) as caught:
        exporter.export(gradebook)
    assert caught.value.code == 1
    assert said in caplog.text


def test_a_large_class_takes_no_more_queries(penalised: Path, gradebook: Any, tmp_path: Path) -> None:
    def queries(students: list[str]) -> int:
        heard: list[str] = []
        listener = lambda *arguments: heard.append(arguments[2])  # noqa: E731  # it must be one object to be removed
        sqlalchemy.event.listen(gradebook.engine, "before_cursor_execute", listener)
        CanvasExport(to=str(tmp_path / "c.csv"), student=students).export(gradebook)
        sqlalchemy.event.remove(gradebook.engine, "before_cursor_execute", listener)
        gradebook.db.remove()
        return len(heard)

    assert queries(["anna"]) == queries([]) <= 6
