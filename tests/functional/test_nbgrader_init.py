"""`grader nbgrader init` through the command line, and what nbgrader itself makes of it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
import pytest

from grader.cli import nbgrader_init
from grader.cli.main import main
from grader.course import load_course, read_suites

pytest.importorskip("nbgrader")

ROOT = Path(__file__).parents[2]
NAME = "gradient_descent"

Init = Callable[..., click.testing.Result]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one ordinary and one timed assignment, under an odd path; the working directory."""
    root = tmp_path / "it's a \"course\" ü"
    for name in (NAME, "digits_mlp"):
        for part in ("solutions", "autotests"):
            shutil.copytree(ROOT / part / name, root / part / name)
    shutil.copy(ROOT / "course.toml", root)
    with (root / "solutions" / NAME / "assignment.toml").open("a") as file:
        file.write("due = 2026-10-05T23:59:00+02:00\n")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def init(course: Path) -> Init:
    def run(*arguments: str, room: str = "my room") -> click.testing.Result:
        return click.testing.CliRunner().invoke(main, ["nbgrader", "init", room, *arguments])

    return run


@pytest.fixture
def source(course: Path) -> Path:
    return course / "my room" / "source" / NAME / f"{NAME}.ipynb"


def read(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def write(path: Path, cells: list[dict[str, Any]]) -> None:
    """As another program may save it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**notebook, "cells": cells}), encoding="utf-8")


def cell_of(cells: list[dict[str, Any]], grade_id: str) -> dict[str, Any]:
    return next(cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def reword(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def generate(room: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command, as an instructor types it in the classroom's folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader starts alembic by its name
    home = room.parent / "home"
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", NAME, *arguments],
        cwd=room,
        env={**os.environ, "PATH": path, "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "jupyter")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_nbgrader_releases_what_generate_hands_out_and_nothing_secret(init: Init, course: Path) -> None:
    result = init()
    assert result.exit_code == 0, result.output
    assert "left out        digits_mlp: it is a timed task" in result.output
    room = course / "my room"
    done = generate(room)
    assert done.returncode == 0, done.stderr
    release = room / "release" / NAME
    assert sorted(path.name for path in release.iterdir()) == [f"{NAME}.ipynb", "test_visible.py"]
    released = read(release / f"{NAME}.ipynb")
    work = released[: next(n for n, cell in enumerate(released) if cell["source"].startswith("## Checks"))]
    handed_out = read(ROOT / "assignments" / NAME / f"{NAME}.ipynb")
    assert [(cell["cell_type"], cell["source"]) for cell in work] == [
        (cell["cell_type"], cell["source"]) for cell in handed_out
    ]
    text = (release / f"{NAME}.ipynb").read_text(encoding="utf-8")
    for secret in ("return X @ w + b", "BEGIN SOLUTION", "order = rng.permutation(len(y))"):
        assert secret not in text
    (assignment,) = (each for each in load_course(course).assignments if each.name == NAME)
    specs = read_suites(assignment)
    with sqlite3.connect(room / "gradebook.db") as gradebook:
        points = dict(gradebook.execute("SELECT name, max_score FROM grade_cells JOIN base_cell USING (id)"))
        (due,) = gradebook.execute("SELECT duedate FROM assignment").fetchone()
    assert sum(points.values()) == assignment.points
    assert len(points) == len(specs)
    assert due.startswith("2026-10-05 21:59:00")

    # A due time that was set in the formgrader stays, and the difference is told.
    reword(course / "solutions" / NAME / "assignment.toml", "23:59", "22:00")
    cells = read(room / "source" / NAME / f"{NAME}.ipynb")
    essay = {"schema_version": 3, "grade": True, "solution": True, "locked": False, "task": False, "points": 2}
    answer = {"cell_type": "markdown", "id": "essay", "source": "My model answer."}
    cells.append({**answer, "metadata": {"nbgrader": {**essay, "grade_id": "essay"}}})
    write(room / "source" / NAME / f"{NAME}.ipynb", cells)
    done = generate(room, "--force")
    assert done.returncode == 0, done.stderr
    assert "21:59:00 UTC by the gradebook, but 2026-10-05 20:00:00 UTC by assignment.toml" in done.stderr
    assert read(release / f"{NAME}.ipynb")[-1]["source"] == "YOUR ANSWER HERE"


def test_the_folder_may_be_the_courses_own(init: Init, course: Path) -> None:
    assert init(room=".").exit_code == 0
    assert "c.GraderCourse.course_root = str(HERE)" in (course / "nbgrader_config.py").read_text()
    assert (course / "source" / NAME / "test_visible.py").exists()


def test_the_course_keeps_its_id(init: Init, course: Path) -> None:
    config = course / "my room" / "nbgrader_config.py"
    init()
    assert "course_id = 'deep-learning-first-steps'" in config.read_text()
    init("--course-id", "dl 2026")
    assert "course_id = 'dl 2026'" in config.read_text()
    init()
    assert "course_id = 'dl 2026'" in config.read_text()


def test_a_record_that_is_none_of_ours_is_refused(init: Init, course: Path) -> None:
    init()
    (course / "my room" / ".grader-nbgrader.json").write_text('{"version": 99}')
    result = init()
    assert result.exit_code == 1
    assert "remedy: delete it" in result.output


@pytest.mark.parametrize("text", ["{", "[]", '{"nbformat": 3, "worksheets": []}', '{"nbformat": 4, "cells": [1]}'])
def test_what_is_no_notebook_is_refused_and_left_alone(init: Init, source: Path, text: str) -> None:
    init()
    source.write_text(text)
    result = init()
    assert result.exit_code == 1
    assert "no notebook" in result.output
    assert source.read_text() == text


def test_a_second_time_nothing_is_written(init: Init, source: Path) -> None:
    init()
    before = source.stat().st_mtime_ns
    cells = read(source)
    for cell in cells:
        if cell["cell_type"] == "code":
            cell.update(execution_count=1, outputs=[{"output_type": "stream", "name": "stdout", "text": "run"}])
    write(source, cells)
    assert source.stat().st_mtime_ns != before
    before = source.stat().st_mtime_ns
    result = init()
    assert result.exit_code == 0
    assert "unchanged       " in result.output
    assert "updated" not in result.output
    assert source.stat().st_mtime_ns == before


def test_edits_stay_and_the_rest_follows_the_course(init: Init, course: Path, source: Path) -> None:
    init()
    cells = read(source)
    cell_of(cells, "predict")["source"] += "\n# for next year"
    question = {"cell_type": "markdown", "id": "q1", "metadata": {}, "source": "What did you see?"}
    cells.insert(2, question)
    write(source, cells)
    config = course / "my room" / "nbgrader_config.py"
    reword(config, config.read_text(), config.read_text() + "c.Exchange.root = '/srv/exchange'\n")
    reword(course / "solutions" / NAME / f"{NAME}.py", "residuals**2", "residuals * residuals")
    reword(course / "course.toml", "first steps", "second steps")
    result = init()
    assert result.exit_code == 0, result.output
    after = read(source)
    assert after[2]["source"] == "What did you see?"
    assert cell_of(after, "predict")["source"].endswith("# for next year")
    assert "residuals * residuals" in cell_of(after, "mse_loss")["source"]
    assert "second steps" in config.read_text()
    assert config.read_text().endswith("c.Exchange.root = '/srv/exchange'\n")
    result = init()
    assert "kept your edits" in result.output
    assert "updated" not in result.output


def test_a_conflict_keeps_the_edit_until_somebody_chooses(init: Init, course: Path, source: Path) -> None:
    init()
    cells = read(source)
    cell_of(cells, "mse_loss")["source"] += "\n# mine"
    write(source, cells)
    reword(course / "solutions" / NAME / f"{NAME}.py", "residuals**2", "residuals * residuals")
    for _ in range(2):
        result = init()
        assert result.exit_code == 1
        assert "both changed:\n    mse_loss\n  remedy:" in result.output
        assert "--overwrite" in result.output
        assert cell_of(read(source), "mse_loss")["source"].endswith("# mine")
    assert init("--overwrite").exit_code == 0
    assert "residuals * residuals" in cell_of(read(source), "mse_loss")["source"]
    assert init().exit_code == 0


def test_on_a_terminal_it_asks_and_remembers(
    init: Init, course: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init()
    cells = read(source)
    cell_of(cells, "mse_loss")["source"] += "\n# mine"
    write(source, cells)
    reword(course / "solutions" / NAME / f"{NAME}.py", "residuals**2", "residuals * residuals")
    monkeypatch.setattr(nbgrader_init, "on_terminal", lambda: True)
    result = click.testing.CliRunner().invoke(main, ["nbgrader", "init", "my room"], input="keep\n")
    assert result.exit_code == 0, result.output
    assert "-# mine" in result.output
    assert cell_of(read(source), "mse_loss")["source"].endswith("# mine")
    assert init().exit_code == 0


def test_a_deleted_assignment_stays_deleted_unless_it_is_named(init: Init, source: Path) -> None:
    init()
    shutil.rmtree(source.parent)
    assert "left deleted" in init().output
    assert not source.exists()
    assert init("--assignment", NAME).exit_code == 0
    assert source.exists()


def test_a_configuration_that_was_there_is_kept_and_then_goes_below_ours(init: Init, course: Path) -> None:
    config = course / "my room" / "nbgrader_config.py"
    config.parent.mkdir()
    config.write_text("c = get_config()\nc.CourseDirectory.course_id = 'old'\n")
    result = init()
    assert result.exit_code == 1
    assert config.read_text() == "c = get_config()\nc.CourseDirectory.course_id = 'old'\n"
    assert init("--overwrite").exit_code == 0
    assert "GraderCourse" in config.read_text()
    assert config.read_text().endswith("c.CourseDirectory.course_id = 'old'\n")
    assert init().exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--assignment", "digits_mlp"), "timed task"),
        (("--assignment", "gradient_decent"), "gradient_descent"),
        (("--course-id", "a/b"), "course's id"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(
    init: Init, course: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = init(*arguments)
    assert result.exit_code == 1
    assert said in result.output
    assert "remedy" in result.output
    assert not (course / "my room").exists()


def test_a_folder_that_nbgrader_cannot_read_is_refused(init: Init) -> None:
    result = init(room="year [1]")
    assert result.exit_code == 1
    assert "remedy" in result.output


def test_a_leak_is_refused_before_anything_is_written(init: Init, course: Path) -> None:
    title = "batch = order[start : start + batch_size], any number"
    reword(course / "autotests" / NAME / "test_hidden.py", "predict: any number", title)
    result = init()
    assert result.exit_code == 1
    assert "students would see a line of a solution" in result.output
    assert not (course / "my room").exists()


def test_without_nbgrader_it_says_what_to_install(init: Init, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = init()
    assert result.exit_code == 1
    assert "pip install 'dl-course-grader[nbgrader]'" in result.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("points", "the cell test_loss_on_lesson is worth 5, but its test 1 points"),
        ("delete", "there is no locked grade cell for test_loss_on_lesson"),
        ("add", "the cell extra is graded by its code, but it is no test of gradient_descent's suites"),
        ("leak", "students would see the name of the hidden test"),
    ],
)
def test_a_notebook_whose_checks_are_not_the_suites_is_not_released(
    init: Init, course: Path, source: Path, change: str, said: str
) -> None:
    """The preprocessors themselves; that nbgrader calls them, the first test shows."""
    import nbformat
    from traitlets.config import Config

    from grader.errors import TaskError
    from grader.nbgrader_plugin.check_suite import CheckLeaks, CheckSuite
    from grader.nbgrader_plugin.clear_solutions import ClearSolutions

    init()
    notebook = nbformat.read(source, as_version=4)
    (cell,) = (each for each in notebook.cells if each.metadata.get("nbgrader", {}).get("grade_id", "") == LOSS)
    if change == "points":
        cell.metadata.nbgrader.points = 5
    elif change == "delete":
        notebook.cells.remove(cell)
    elif change == "add":
        extra = nbformat.from_dict({**cell, "metadata": {"nbgrader": {**cell.metadata.nbgrader, "grade_id": "extra"}}})
        notebook.cells.append(extra)
    else:
        (assignment,) = (each for each in load_course(course).assignments if each.name == NAME)
        hidden = next(spec.name for spec in read_suites(assignment) if not spec.visible)
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"See {hidden}."))
    config = Config()
    config.GraderCourse.course_root = str(course)
    resources: dict[str, Any] = {"nbgrader": {"assignment": NAME, "notebook": NAME}}
    notebook, resources = ClearSolutions().preprocess(notebook, resources)
    step = CheckLeaks(config=config) if change == "leak" else CheckSuite(config=config)
    with pytest.raises(TaskError) as caught:
        step.preprocess(notebook, resources)
    assert said in str(caught.value)
    assert caught.value.remedy
    other = {"nbgrader": {"assignment": "somebody_elses", "notebook": "x"}}
    assert CheckSuite(config=config).preprocess(notebook, other) == (notebook, other)


LOSS = "test_loss_on_lesson"
