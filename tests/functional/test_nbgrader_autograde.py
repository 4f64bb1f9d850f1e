"""``grader nbgrader autograde``: who is graded again, what stays, what is refused, and what an interruption leaves."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner, Result

from grader.cli.main import main
from tests.functional.courses.students import RIGHT, but
from tests.functional.courses.tools import WAITS, Family, all_gone, await_that, grader, make_course, start
from tests.functional.nbgrader_tools import environment, files_below, gradebook_rows, nbgrader
from tests.unit.conftest import new_postgres_url, postgres_server  # noqa: F401  fixtures of a server

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

A = "tiny"
CLASSIC = Path(__file__).parent / "courses" / "classic" / "source"
LATE = "\n[late]\npercent_per_day = 10\nmost_percent = 20\n"
DUE = "due = 2001-01-01T12:00:00+00:00\n"
ROOT_IS_WRONG = but("def root(a):\n    return 1.0\n")
CLASSIC_CONFIG = """\
c = get_config()
c.CourseDirectory.root = {root!r}
c.SandboxedExecute.timeout = 5
c.Autograde.autograde_preprocessors = [
    "grader.nbgrader_plugin.execute.SandboxedExecute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.exporter_class = "grader.nbgrader_plugin.unreadable.NotebookExporter"
"""


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classroom from which nothing was handed in yet."""
    folder = tmp_path_factory.mktemp("released")
    root = make_course(folder, "a \"course\" #2")
    with (root / "course.toml").open("a", encoding="utf-8") as file:
        file.write(LATE)
    settings = root / "solutions" / A / "assignment.toml"
    settings.write_text(DUE + settings.read_text(encoding="utf-8"), encoding="utf-8")
    done = grader(root, "nbgrader", "init", ".", "--assignment", A)
    assert done.returncode == 0, done.stderr
    nbgrader(root, "generate_assignment", A, env=environment(folder / "home"))
    return root


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of an instructor, which this process has too."""
    env = environment(tmp_path / "home")
    for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, env[name])
    return env


@pytest.fixture
def room(released: Path, tmp_path: Path, env: dict[str, str]) -> Path:
    """A classroom to which ada and ben have handed in."""
    room = tmp_path / released.name
    shutil.copytree(released, room)
    hand_in(room, "ada", RIGHT)
    hand_in(room, "ben", ROOT_IS_WRONG)
    return room


def hand_in(room: Path, student: str, answer: str, timestamp: str = "") -> Path:
    folder = room / "submitted" / student / A
    folder.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.read(room / "release" / A / f"{A}.ipynb", as_version=4)
    next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")).source = answer
    nbformat.write(notebook, folder / f"{A}.ipynb")
    if timestamp:
        (folder / "timestamp.txt").write_text(timestamp, encoding="utf-8")
    return folder


def autograde(room: Path, *arguments: str, assignment: str = A, code: int = 0) -> Result:
    with contextlib.chdir(room):
        result = CliRunner().invoke(main, ["nbgrader", "autograde", assignment, *arguments])
    assert result.exit_code == code, result.output
    return result


def scores(room: Path) -> dict[str, float]:
    """Automatic scores by student."""
    with sqlite3.connect(room / "gradebook.db") as database:
        return dict(
            database.execute(
                "SELECT s.student_id, sum(g.auto_score) FROM grade g"
                " JOIN submitted_notebook n ON n.id = g.notebook_id"
                " JOIN submitted_assignment s ON s.id = n.assignment_id GROUP BY s.student_id"
            ).fetchall()
        )


def penalties(room: Path) -> dict[str, float | None]:
    return {row[0]: row[2] for row in gradebook_rows(room) if row[1] == A}


def inode(room: Path, student: str) -> int:
    """Of the autograded notebook: another one once it was graded again."""
    return (room / "autograded" / student / A / f"{A}.ipynb").stat().st_ino


def test_hidden_checks_earn_nothing_where_only_cells_are_executed(room: Path) -> None:
    """A classroom of ours whose own settings put SandboxedExecute in place of Examine."""
    with (room / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(CLASSIC_CONFIG.format(root=str(room)))
    autograde(room, "--student", "ada")
    with sqlite3.connect(room / "gradebook.db") as database:
        earned = dict(
            database.execute("SELECT c.name, g.auto_score FROM grade g JOIN base_cell c ON c.id = g.cell_id").fetchall()
        )
    assert any(score for name, score in earned.items() if not name.startswith("hidden_")), "a visible check runs"
    assert not any(score for name, score in earned.items() if name.startswith("hidden_"))
    assert "NBGRADER_EXECUTION" not in os.environ


# Again ----------------------------------------------------------------------------------------------------------------


def test_only_what_has_changed_is_graded_again(room: Path) -> None:
    assert "2 autograded now, 0 unchanged since the last time." in autograde(room).output
    assert scores(room) == {"ada": 12.0, "ben": 10.0}
    before = {student: inode(room, student) for student in ("ada", "ben")}
    rows = gradebook_rows(room)
    assert "0 autograded now, 2 unchanged since the last time." in autograde(room).output
    assert {student: inode(room, student) for student in ("ada", "ben")} == before
    assert gradebook_rows(room) == rows

    hand_in(room, "ben", RIGHT)
    assert "1 autograded now, 1 unchanged since the last time." in autograde(room).output
    assert scores(room) == {"ada": 12.0, "ben": 12.0}
    assert inode(room, "ada") == before["ada"]
    assert inode(room, "ben") != before["ben"]

    assert "2 autograded now, 0 unchanged since the last time." in autograde(room, "--force").output
    assert inode(room, "ada") != before["ada"]


def test_the_same_work_at_another_time(room: Path) -> None:
    """nbgrader updates the timestamp and what lateness costs."""
    hand_in(room, "ada", RIGHT, "2001-01-01 11:59:59 UTC")
    hand_in(room, "ben", ROOT_IS_WRONG, "2001-01-02 11:00:00 UTC")
    autograde(room)
    assert penalties(room) == {"ada": None, "ben": pytest.approx(1.0)}
    hand_in(room, "ben", ROOT_IS_WRONG, "2001-01-09 12:00:00 UTC")
    assert "1 autograded now, 1 unchanged" in autograde(room).output
    assert penalties(room) == {"ada": None, "ben": pytest.approx(2.0)}
    assert [row[3] for row in gradebook_rows(room) if row[:2] == ("ben", A)] == ["2001-01-09 12:00:00.000000"]


def test_one_student(room: Path) -> None:
    assert "1 autograded now, 0 unchanged" in autograde(room, "--student", "ben").output
    assert list(scores(room)) == ["ben"]
    assert not (room / "autograded" / "ada").exists()
    assert "eve has handed in no notebook for tiny" in autograde(room, "--student", "eve", code=1).output


def test_what_somebody_wrote_by_hand_stays(room: Path, env: dict[str, str], tmp_path: Path) -> None:
    """A manual score and a comment stay, and the cell is to be looked at again, as nbgrader has it."""
    from nbgrader.api import Gradebook

    autograde(room)
    with Gradebook(f"sqlite:///{room / 'gradebook.db'}") as gradebook:
        notebook = gradebook.find_submission_notebook(A, A, "ada")
        grade = next(grade for grade in notebook.grades if grade.name == "test_mean_example")
        grade.manual_score, grade.needs_manual_grade = 0.5, False
        notebook.comments[0].manual_comment = "By hand."
        gradebook.db.commit()
    hand_in(room, "ada", ROOT_IS_WRONG, "2001-01-01 10:00:00 UTC")
    copy = tmp_path / "copy"
    shutil.copytree(room, copy)
    autograde(room)
    rows = gradebook_rows(room)
    assert ("ada", "test_mean_example", 1.0, 0.5, None, 1) in rows
    assert [row[3] for row in rows if len(row) == 4 and row[0] == "ada"] == ["By hand."]
    assert scores(room)["ada"] == 10.0
    nbgrader(copy, "autograde", A, "--student=ada", "--force", env=env)
    assert gradebook_rows(copy) == rows


# Refused --------------------------------------------------------------------------------------------------------------


def refused(room: Path, words: list[str], *arguments: str, code: int = 1, **keywords: Any) -> None:
    """The command ends with these words, and nothing is written."""
    gradebook = (room / "gradebook.db").read_bytes()
    output = autograde(room, *arguments, code=code, **keywords).output
    assert not [word for word in [*words, "remedy: "] if word not in output], output
    assert (room / "gradebook.db").read_bytes() == gradebook
    assert not list((room / "autograded").glob(f"*/{A}"))


def test_an_unknown_assignment(room: Path) -> None:
    refused(room, ["the gradebook has no assignment tinny", "nbgrader generate_assignment tinny"], assignment="tinny")


def test_no_classroom(room: Path, tmp_path: Path) -> None:
    words = ["there is no nbgrader_config.py", "grader nbgrader init"]
    refused(room, words, "--classroom", str(tmp_path))
    (room / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    refused(room, ["neither our suites nor our sandbox", "nbgrader_config.py"])
    (room / "nbgrader_config.py").write_text("c = get_config(\n", encoding="utf-8")
    refused(room, ["cannot load its configuration"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("points(2, title=\"mean of any", "points(3, title=\"mean of any", ["2 points, the suite 3"]),
        ("def test_root(", "def test_square_root(", ["no cell for the test test_square_root"]),
    ],
    ids=["points", "name"],
)
def test_a_suite_that_has_changed_since_the_release(room: Path, old: str, new: str, words: list[str]) -> None:
    """Marks would be on two scales, or a cell would be judged by nobody."""
    suite = room / "autotests" / A / "test_hidden.py"
    text = suite.read_text(encoding="utf-8")
    assert old in text
    suite.write_text(text.replace(old, new), encoding="utf-8")
    if "points" in new:
        settings = room / "solutions" / A / "assignment.toml"
        settings.write_text(settings.read_text(encoding="utf-8").replace("points = 12", "points = 13"), "utf-8")
    refused(room, [*words, "nbgrader generate_assignment"])


def test_a_gradebook_that_is_none(room: Path) -> None:
    (room / "gradebook.db").write_bytes(b"no database, but long enough to be looked at" * 100)
    refused(room, ["the gradebook"], code=2)


# The grader fails -----------------------------------------------------------------------------------------------------


def test_without_a_sandbox_no_mark_is_written(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    refused(room, ["bubblewrap"], code=2)
    assert scores(room) == {}


def test_a_disk_that_fails_at_one_student_leaves_the_others(room: Path) -> None:
    blocked = room / "autograded" / "ada"
    blocked.parent.mkdir()
    blocked.write_text("a file where a folder is needed", encoding="utf-8")
    result = autograde(room, code=2)
    assert "student: ada" in result.output
    assert "1 autograded now" in result.output
    assert scores(room) == {"ben": 10.0}
    blocked.unlink()
    assert "1 autograded now, 1 unchanged" in autograde(room).output


@pytest.fixture
def interruptible(room: Path, env: dict[str, str]) -> Iterator[Callable[[], tuple[Any, Family]]]:
    """A run that has graded ``ada`` and ``ben`` and waits in a call of ``cyd``; ``dan`` has not had his turn."""
    course = room / "course.toml"
    course.write_text(course.read_text("utf-8").replace("wall_seconds = 5.0", "wall_seconds = 120.0"), "utf-8")
    hand_in(room, "cyd", but(WAITS))
    hand_in(room, "dan", RIGHT)
    process = start(room, "nbgrader", "autograde", A, "--jobs", "1", env=env)
    try:
        yield lambda: (process, Family(process))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_control_c_leaves_what_is_done_and_the_next_run_does_the_rest(
    room: Path, interruptible: Callable[[], tuple[Any, Family]]
) -> None:
    process, family = interruptible()
    await_that((room / "autograded" / "ben" / A).exists, process)  # it is written while cyd's work runs already
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert all_gone(family.all)
    assert "interrupted: 2 of 4 are autograded; run it again for the rest." in err
    assert "Traceback" not in out + err
    assert scores(room) == {"ada": 12.0, "ben": 10.0}
    assert sorted(path.name for path in (room / "autograded").iterdir()) == ["ada", "ben"]
    hand_in(room, "cyd", RIGHT)
    assert "2 autograded now, 2 unchanged" in autograde(room).output
    assert scores(room) == {"ada": 12.0, "ben": 10.0, "cyd": 12.0, "dan": 12.0}


# Other gradebooks, other notebooks ------------------------------------------------------------------------------------


def test_postgresql(room: Path, new_postgres_url: Callable[[], str], env: dict[str, str]) -> None:  # noqa: F811
    hand_in(room, "ben", ROOT_IS_WRONG, "2001-01-02 11:00:00 UTC")
    autograde(room)
    url = new_postgres_url().replace("postgresql://", "postgresql+psycopg://")
    with (room / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"c.CourseDirectory.db_url = {url!r}\n")
    nbgrader(room, "generate_assignment", A, "--force", env=env)
    assert "2 autograded now, 0 unchanged" in autograde(room, "--force").output
    rows = [tuple(str(value) for value in row) for row in gradebook_rows(url)]
    truth = {"0": "False", "1": "True"}
    lite = [
        tuple(truth.get(str(value), str(value).removesuffix(".000000")) for value in row)
        for row in gradebook_rows(room)
    ]
    assert len(rows) == len(lite) > 4
    assert sorted(rows) == sorted(lite)


@pytest.mark.slow
def test_a_classic_course(tmp_path: Path, env: dict[str, str]) -> None:
    """Tests in the notebook's cells: the same rows, files and bytes as one after the other."""
    one, two = tmp_path / "one", tmp_path / "two"
    shutil.copytree(CLASSIC, one / "source")
    (one / "nbgrader_config.py").write_text(CLASSIC_CONFIG.format(root=str(one)), encoding="utf-8")
    nbgrader(one, "generate_assignment", "descent", env=env)
    solved = nbformat.read(one / "source" / "descent" / "descent.ipynb", as_version=4)
    for student, change in {"right": "", "ends": "import os\nos._exit(0)", "wrong": "raise ValueError('hm')"}.items():
        folder = one / "submitted" / student / "descent"
        shutil.copytree(one / "release" / "descent", folder)
        notebook = nbformat.read(folder / "descent.ipynb", as_version=4)
        answers = {cell.metadata.nbgrader.grade_id: cell for cell in solved.cells if "nbgrader" in cell.metadata}
        for cell in notebook.cells:
            noted = cell.metadata.get("nbgrader", {})
            if noted.get("solution") and cell.cell_type == "code":
                cell.source = answers[noted["grade_id"]].source
                cell.source += f"\n{change}"
        nbformat.write(notebook, folder / "descent.ipynb")
    (one / "submitted" / "broken" / "descent").mkdir(parents=True)
    (one / "submitted" / "broken" / "descent" / "descent.ipynb").write_text("{", encoding="utf-8")
    shutil.copytree(one, two)
    (two / "nbgrader_config.py").write_text(CLASSIC_CONFIG.format(root=str(two)), encoding="utf-8")
    nbgrader(one, "autograde", "descent", env=env)
    assert "4 autograded now" in autograde(two, "--jobs", "2", assignment="descent").output
    same(one, two)
    assert "0 autograded now, 4 unchanged" in autograde(two, assignment="descent").output


@pytest.mark.slow
def test_nbgraders_own_course(tmp_path: Path, env: dict[str, str]) -> None:
    """The course of nbgrader's documentation, with two notebooks each."""
    import nbgrader as package

    guide = Path(package.__file__).parent / "docs" / "source" / "user_guide"
    if not (guide / "submitted").is_dir():
        pytest.skip("nbgrader is installed without its user guide")
    one, two = tmp_path / "one", tmp_path / "two"
    for root in (one, two):
        for part in ("source", "submitted"):
            shutil.copytree(guide / part, root / part, ignore=shutil.ignore_patterns("*.db"))
        (root / "nbgrader_config.py").write_text(CLASSIC_CONFIG.format(root=str(root)), encoding="utf-8")
        nbgrader(root, "generate_assignment", "ps1", env=env)
    nbgrader(one, "autograde", "ps1", env=env)
    assert "2 autograded now" in autograde(two, "--jobs", "2", assignment="ps1").output
    same(one, two)


def same(one: Path, two: Path) -> None:
    """Rows and files are the same, but for the note of what was graded."""
    assert gradebook_rows(one) == gradebook_rows(two)
    first, second = files_below(one / "autograded"), files_below(two / "autograded")
    assert list(first) == list(second)
    for name, (content, mode) in first.items():
        assert mode == second[name][1], name
        if name.endswith(".ipynb"):
            left = nbformat.reads(content.decode(), as_version=4)
            right = nbformat.reads(second[name][0].decode(), as_version=4)
            right.metadata.pop("grader")
            for cell in [*left.cells, *right.cells]:  # nbgrader leaves a submission's word on these, or none
                for key in ("locked", "task", "cell_type"):
                    cell.metadata.get("nbgrader", {}).pop(key, None)
            assert left == right, name
        else:
            assert content == second[name][0], name
