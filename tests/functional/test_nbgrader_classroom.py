"""The whole way of an assignment through nbgrader's own tools: init, release, three students, marks, feedback, export.

After ``grader nbgrader init`` there is nothing but nbgrader's commands and its formgrader, in headless Chromium.
"""

from __future__ import annotations

import contextlib
import csv
import html
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from grader.course import load_course, read_suites
from grader.nbgrader_plugin.cells import grade_id
from tests.functional.courses.tools import await_that, grader, listed
from tests.functional.nbgrader_tools import BIN, User, environment, make_users, nbgrader

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# The pages are ours, and root may not use Chromium's sandbox.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip

A = "softmax"  # the assignment that `grader init` gives a new course
COURSE_ID = "deep-learning-2026"  # what init makes of the course's name
TOKEN = "formgrader"  # of a server that only this machine reaches, for the seconds of one test
COMMENT = "The loss of a large batch should be no larger, Ben."
# Everybody hands in a quarter of a century late, so everybody loses the most that can be lost.
LATE = "\n[late]\npercent_per_day = 10\nmost_percent = 20\n"
DUE = "due = 2001-01-01T12:00:00+00:00\n"
KEPT = 0.8
RIGHT = {
    "softmax": """\
def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
""",
    "cross_entropy": """\
def cross_entropy(z, labels):
    return -np.mean(np.log(softmax(z)[np.arange(len(labels)), labels]))
""",
}


# What students do -----------------------------------------------------------------------------------------------------


def write_answers(path: Path, answers: dict[str, str]) -> None:
    """Put code into the solution cells of a notebook, by their ids."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            cell.source = answers[name]
    nbformat.write(notebook, path)


def tamper(path: Path) -> None:
    """Change, copy and delete checks, and write to standard error: what leads nbgrader's own autograding astray."""
    notebook = nbformat.read(path, as_version=4)
    checks = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    checks[0].source = "'full marks'"  # a last line that is no number
    notebook.cells.remove(checks[2])
    notebook.cells.insert(1, nbformat.from_dict({**checks[1], "id": "copied", "source": "assert False"}))
    noise = "import sys, warnings\nprint('hm', file=sys.stderr)\nwarnings.warn('hm')"
    notebook.cells.insert(2, nbformat.v4.new_code_cell(noise))
    nbformat.write(notebook, path)


def together(users: Iterable[User], *arguments: str) -> None:
    """All of them give the same command at the same time."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda user: user.nbgrader(*arguments), users))


# What instructors see -------------------------------------------------------------------------------------------------


def marks_in_gradebook(root: Path, name: str) -> dict[str, dict[str, float]]:
    """Automatic marks by student and test."""
    from nbgrader.api import Gradebook

    [assignment] = [each for each in load_course(root).assignments if each.name == name]
    names = {grade_id(name, spec): spec.name for spec in read_suites(assignment)}
    with Gradebook(f"sqlite:///{root}/gradebook.db") as opened:
        return {
            submission.student.id: {
                names[grade.name]: grade.auto_score for notebook in submission.notebooks for grade in notebook.grades
            }
            for submission in opened.assignment_submissions(name)
        }


def marks_of_grader(root: Path, name: str) -> dict[str, dict[str, float]]:
    """The same of ``grader grade``."""
    done = grader(root, "grade", "-a", name, "--json")
    assert done.returncode == 0, done.stderr
    return {
        student: {test["name"]: float(test["earned"]) for test in each["tests"]}
        for (_, student), each in listed(done).items()
    }


def hidden_lines(root: Path) -> list[str]:
    """The lines of the hidden suite that could stand nowhere else by chance."""
    lines = (root / "autotests" / A / "test_hidden.py").read_text(encoding="utf-8").splitlines()
    found = [line.strip() for line in lines if re.search(r"rng\.|probabilities_of|loss_of|1000\.0", line)]
    assert len(found) > 8
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@contextlib.contextmanager
def jupyter(root: Path, env: dict[str, str]) -> Iterator[str]:
    """A Jupyter server with nbgrader's extension in the classroom; gives the formgrader's address."""
    others = "jupyterlab jupyter_lsp jupyterlab_jupytext notebook notebook_shim jupyter_server_terminals"
    server = {
        "root_dir": str(root),
        "ip": "127.0.0.1",
        "port": 0,  # any that is free
        "allow_root": True,
        "open_browser": False,
        "jpserver_extensions": dict.fromkeys(others.split(), False),
    }
    settings = {"ServerApp": server, "IdentityProvider": {"token": TOKEN}}
    (Path(env["JUPYTER_CONFIG_DIR"]) / "jupyter_server_config.json").write_text(json.dumps(settings), encoding="utf-8")
    with (root.parent / "jupyter.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [str(BIN / "jupyter"), "server"],
            cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True,
        )  # fmt: skip

    def information() -> Any:
        with contextlib.suppress(OSError, ValueError, StopIteration):  # not written yet, or not wholly
            return json.loads(next(Path(env["JUPYTER_RUNTIME_DIR"]).glob("jpserver-*.json")).read_text("utf-8"))["url"]

    try:
        yield f"{await_that(information, process)}formgrader"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def open_formgrader(browser: Browser, address: str) -> Page:
    """The formgrader's first page, logged in. Pages reach this machine alone, so formulas stay as they are written."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.route(lambda url: not url.startswith("http://127.0.0.1:"), lambda route: route.abort())
    page.goto(f"{address}/gradebook?token={TOKEN}")
    return page


def table(page: Page) -> list[list[str]]:
    """The page's table, once its rows have come in."""
    page.locator("tbody tr a").first.wait_for()
    return [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in page.locator("tbody tr").all()]


def saved(part: str) -> Callable[[Response], bool]:
    return lambda response: f"/api/{part}/" in response.url and response.request.method == "PUT" and response.ok


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path")
def test_from_nothing_to_released_feedback(tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)  # nbgrader wants it writable to everyone
    root = tmp_path / "the 'course' #1"

    # A new course becomes a classroom.
    assert grader(tmp_path, "init", root, "--name", "Deep learning 2026").returncode == 0
    with (root / "course.toml").open("a", encoding="utf-8") as file:
        file.write(LATE)
    assignment = root / "solutions" / A / "assignment.toml"
    assignment.write_text(DUE + assignment.read_text(encoding="utf-8"), encoding="utf-8")
    done = grader(root, "nbgrader", "init", ".")
    assert done.returncode == 0, done.stderr

    # Everybody's nbgrader knows the exchange; the students' also needs the course's name.
    where = f"c.Exchange.root = {str(exchange)!r}\n"
    with (root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(where)
    names = ("anna", "ben", "chiara")
    students = make_users(tmp_path, names, f"{where}c.CourseDirectory.course_id = {COURSE_ID!r}\n", exchange)
    instructor = User("instructor", 0, root, tmp_path / "passwd", env=environment(tmp_path / "instructor"))

    # Release; the students fetch, work and hand in, each as a user of his own.
    instructor.nbgrader("generate_assignment", A)
    instructor.nbgrader("release_assignment", A)
    together(students.values(), "fetch_assignment", A)
    anna, ben, chiara = (students[name].home / A / f"{A}.ipynb" for name in names)
    released = anna.read_text(encoding="utf-8")
    assert not [line for line in hidden_lines(root) if line in released]
    mistakes = root / "autotests" / A / "mistakes"
    write_answers(anna, RIGHT)
    write_answers(ben, RIGHT | {"cross_entropy": (mistakes / "total_loss.py").read_text(encoding="utf-8")})
    write_answers(chiara, RIGHT | {"softmax": (mistakes / "overflow.py").read_text(encoding="utf-8")})
    done = students["anna"].nbgrader("validate", str(anna))
    assert "Success! Your notebook passes all the tests." in done.stdout
    tamper(chiara)
    together(students.values(), "submit", A)

    # Collect and autograde: the marks of `grader grade`, test by test.
    done = instructor.nbgrader("collect", A)
    if os.geteuid() == 0:
        assert "cheating attempt" not in done.stderr, "what a student hands in is his own file"
    nbgrader(root, "autograde", A, env=instructor.env)
    marks = marks_in_gradebook(root, A)
    assert marks == marks_of_grader(root, A)
    points = {name: sum(tests.values()) for name, tests in marks.items()}
    assert points == {"anna": 8.0, "ben": 5.0, "chiara": 7.0}

    # The formgrader: marks are shown, a comment is written, half a point is given, and Ben is graded once more.
    with jupyter(root, instructor.env) as address, chromium() as browser:
        page = open_formgrader(browser, address)
        assert table(page) == [[A, "2001-01-01 12:00:00 UTC", "3", "6.67 / 8"]]
        page.goto(f"{address}/manage_submissions/{A}")
        shown = {row[1]: (row[3], row[4]) for row in table(page)}
        assert shown == {"anna": ("graded", "8 / 8"), "ben": ("graded", "5 / 8"), "chiara": ("graded", "7 / 8")}
        page.goto(f"{address}/gradebook/{A}/{A}")
        assert sorted(row[2] for row in table(page)) == ["5 / 8", "7 / 8", "8 / 8"]
        page.get_by_role("button", name="Show All Names").click()
        page.get_by_role("link", name="ben", exact=True).click()
        page.wait_for_url(re.compile(r"/submissions/\w+/"))
        page.wait_for_function("formgrader.grades.loaded && formgrader.comments.loaded")
        assert page.get_by_text("wrong answer: cross_entropy is a number, but not the right one.").count() == 2
        comment = page.locator("#cross_entropy-comment")
        comment.fill(COMMENT)
        with page.expect_response(saved("comment")):
            comment.blur()
        credit = page.locator("#test_cross_entropy_by_hand_extra_credit")
        credit.fill("0.5")
        with page.expect_response(saved("grade")):
            credit.blur()
        page.goto(f"{address}/manage_submissions/{A}")
        assert {row[1]: row[4] for row in table(page)}["ben"] == "5.5 / 8"
        page.locator("tr", has_text="ben").locator(".autograde a").click()
        page.get_by_text("Successfully autograded").wait_for()
    assert marks_in_gradebook(root, A) == marks

    # Feedback: the comment, outcomes and hints reach the student, nothing of the hidden suite does.
    instructor.nbgrader("generate_feedback", A)
    instructor.nbgrader("release_feedback", A)
    together(students.values(), "fetch_feedback", A)
    read = {}
    for name, user in students.items():
        [found] = (user.home / A / "feedback").glob(f"*/{A}.html")
        read[name] = html.unescape(re.sub(r"<[^>]+>", "", found.read_text(encoding="utf-8")))
        assert not [line for line in hidden_lines(root) if line in read[name]]
    assert COMMENT in read["ben"]
    assert COMMENT not in read["anna"]
    assert "Pick one probability per row, the right class's; the loss is the mean" in read["ben"]
    assert "Subtract the largest score of each row first" in read["chiara"]
    assert "Hint:" not in read["anna"]

    # Export, with what late work loses.
    ours = "--exporter=grader.nbgrader_plugin."
    exports = [
        ("export",),
        ("export", f"{ours}canvas.CanvasExport", "--to=canvas.csv"),
        ("export", f"{ours}moodle.MoodleExport", "--to=moodle.csv"),
    ]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda arguments: instructor.nbgrader(*arguments), exports))
    final = {name: each * KEPT for name, each in (points | {"ben": 5.5}).items()}
    assert {row["student_id"]: float(row["score"]) for row in rows_of(root / "grades.csv")} == pytest.approx(final)
    canvas = {row["SIS Login ID"]: float(row[A]) for row in rows_of(root / "canvas.csv")}
    assert canvas == pytest.approx(final | {"": 8.0})
    assert {row["Username"]: float(row[A]) for row in rows_of(root / "moodle.csv")} == pytest.approx(final)


@pytest.mark.slow  # test_nbgrader_pains.py compares a whole class
def test_autograde_gives_the_marks_of_grader_grade(tmp_path: Path) -> None:
    name = "gradient_descent"
    root = tmp_path / 'a "course" #2'
    for part in ("solutions", "autotests"):
        shutil.copytree(ROOT / part / name, root / part / name)
    limits = "[limits]\ncpu_seconds = 0.5\n"  # an endless loop meets it in every test that calls it
    (root / "course.toml").write_text(f'name = "c"\nseed = 20260901\n{limits}', encoding="utf-8")
    assert grader(root, "nbgrader", "init", ".").returncode == 0
    env = environment(tmp_path / "instructor")
    nbgrader(root, "generate_assignment", name, env=env)

    right = nbformat.read(root / "source" / name / f"{name}.ipynb", as_version=4)
    predict = next(cell.source for cell in right.cells if cell.source.startswith("def predict"))

    def hand_in(student: str, code: str = "") -> Path:
        """The reference with one cell more behind the solutions; what that defines counts."""
        notebook = nbformat.from_dict(right)
        first = next(
            place for place, cell in enumerate(notebook.cells) if cell.metadata.get("nbgrader", {}).get("grade")
        )
        notebook.cells.insert(first, nbformat.v4.new_code_cell(code))
        folder = root / "submitted" / student / name
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{name}.ipynb")
        return folder / f"{name}.ipynb"

    hand_in("right")
    for mistake in ("loss_without_half", "sgd_drops_last_slice", "start_changed_in_place"):
        hand_in(mistake, (root / "autotests" / name / "mistakes" / f"{mistake}.py").read_text(encoding="utf-8"))
    hand_in("loops", "def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):\n    while True:\n        pass\n")
    hand_in("ends", "import os\n\ndef mse_loss(X, y, w, b):\n    os._exit(0)\n")
    hand_in("helper", "from model import predict").with_name("model.py").write_text(predict, encoding="utf-8")
    hand_in("broken").write_text('{"cells": [', encoding="utf-8")
    empty = hand_in("empty")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("My dog ate it.")]), empty)
    nbgrader(root, "autograde", name, env=env)

    marks = marks_in_gradebook(root, name)
    assert marks == marks_of_grader(root, name)
    points = {student: sum(tests.values()) for student, tests in marks.items()}
    full = load_course(root).assignments[0].points
    assert points["right"] == points["helper"] == full
    assert points["broken"] == points["empty"] == 0
    others = set(points) - {"right", "helper", "broken", "empty"}
    assert all(0 < points[student] < full for student in others)
