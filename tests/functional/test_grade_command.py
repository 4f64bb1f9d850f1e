"""``grader grade``: what it refuses, what it selects, what it grades again, and how it asks before it changes marks."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from grader.cli.main import main
from grader.model import GradeReport, Outcome, Status
from grader.store.database import Store
from tests.functional.courses.students import RIGHT, but
from tests.functional.courses.tools import command, environment, grader, hand_in, listed, make_course, stored

DOUBLE = "def double(x):\n    return 2 * x\n"
ROOT_IS_WRONG = but("def root(a):\n    return 1.0\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_course(tmp_path)
    hand_in(root, "ada", {"tiny.py": RIGHT})
    hand_in(root, "ada", {"second.py": DOUBLE}, "second")
    hand_in(root, "ben", {"tiny.py": ROOT_IS_WRONG})
    return root


def refused(root: Path, *arguments: str) -> Result:
    """Run what does not come as far as the sandbox, in this process."""
    with contextlib.chdir(root):
        return CliRunner().invoke(main, ["grade", *arguments])


# Refused: exit code 1, file, line, remedy; nothing is graded ----------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-a", "tinny"], ['there is no assignment "tinny"', 'did you mean "tiny"?']),
        (["-a", "tiny", "-a", "third"], ['there is no assignment "third"', "known are: second, tiny"]),
        (["--student", "adda"], ["unknown student 'adda'", 'did you mean "ada"?']),
        (["nowhere"], ["there is no folder nowhere", "remedy: "]),
        (["course.toml"], ["there is no folder course.toml", "remedy: "]),
        (["--db", "results.sqlite"], ["is not a database URL", "sqlite:///FILE"]),
        (["--sandbox", "subprocess"], ["isolates nothing", "--unsafe"]),
        (["--sandbox", "podman"], ["podman"]),
        (["--jobs", "0"], ["--jobs"]),
    ],
)
def test_the_command_line_names_what_does_not_exist(root: Path, arguments: list[str], words: list[str]) -> None:
    result = refused(root, *arguments)
    assert result.exit_code == 1
    assert [word for word in words if word not in result.stderr] == []
    assert result.stdout == ""
    assert stored(root) == {}


def edit(file: str, old: str, new: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        path = root / file
        text = path.read_text()
        assert text.count(old) >= 1, f"{file} does not hold {old!r}"
        path.write_text(text.replace(old, new, 1))

    return change


def remove(file: str) -> Callable[[Path], object]:
    return lambda root: (root / file).unlink()


SOLUTION, TOML, HIDDEN = "solutions/tiny/tiny.py", "solutions/tiny/assignment.toml", "autotests/tiny/test_hidden.py"
INVALID: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a key of course.toml": (edit("course.toml", "seed", "sead"), ["course.toml:2", "sead", "seed"]),
    "a type in course.toml": (edit("course.toml", "seed = 7", 'seed = "7"'), ["course.toml:2", "seed", "remedy: "]),
    "no TOML": (edit("course.toml", "seed = 7", "seed = = 7"), ["course.toml:2"]),
    "a limit": (edit("course.toml", "memory_mb = 256", "memory_mb = -1"), ["course.toml:9", "memory_mb"]),
    "no roster": (edit("course.toml", "seed = 7", 'seed = 7\nroster = "class.csv"'), ["class.csv", "no such file"]),
    "an environment": (edit(TOML, '"numpy"', '"nunpy"'), ["assignment.toml:3", 'did you mean "numpy"?']),
    "points that do not add up": (edit(TOML, "points = 12", "points = 13"), ["add up to 12", "points = 12"]),
    "no solution": (remove(SOLUTION), ["tiny.py", "no such file", "remedy: "]),
    "a marker without end": (edit(SOLUTION, "    ### END SOLUTION\n", ""), ["tiny.py:", "END SOLUTION"]),
    "a stray marker": (
        edit(SOLUTION, "# %%", "### END SOLUTION\n# %%"),
        ["tiny.py:1", "a region ends that has not begun"],
    ),
    "no hidden suite": (remove(HIDDEN), ["test_hidden.py", "no such file"]),
    "a test without points": (
        edit(HIDDEN, "@pytest.mark.points(2", "@pytest.mark.slow(2"),
        ["test_hidden.py:", "marker"],
    ),
    "a syntax error in a suite": (
        edit(HIDDEN, "def planted_helper(", "def planted_helper"),
        ["test_hidden.py:10", "not valid Python"],
    ),
    "needs that is no test": (edit(HIDDEN, 'needs=("test_mean_example",)', 'needs=("test_meen",)'), ["test_meen"]),
}


@pytest.mark.parametrize("what", INVALID)
def test_an_invalid_course_grades_nothing(root: Path, what: str) -> None:
    change, words = INVALID[what]
    change(root)
    result = refused(root)
    assert result.exit_code == 1, result.stderr
    assert [word for word in words if word not in result.stderr] == []
    assert "remedy: " in result.stderr
    assert "Traceback" not in result.stderr
    assert stored(root) == {}


def test_a_course_without_assignments(root: Path) -> None:
    shutil.rmtree(root / "solutions")
    result = refused(root)
    assert result.exit_code == 1
    assert "no assignment" in result.stderr


def test_outside_a_course(tmp_path: Path) -> None:
    result = refused(tmp_path)
    assert result.exit_code == 1
    assert "there is no course.toml here" in result.stderr


SECOND, SUITE_2 = "solutions/{0}/{0}.py", "autotests/{0}/test_hidden.py"
INVALID_WHEN_RUN: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "reference_fails": (
        edit(SECOND.format("reference_fails"), "return 2 * x", "return 3 * x"),
        ["solutions/reference_fails/reference_fails.py", "fails its own suite: test_double", "grader verify"],
    ),
    "reference_is_broken": (
        edit(SECOND.format("reference_is_broken"), "# %%\ndef", "# %%\nimport nunpy\ndef"),
        ["solutions/reference_is_broken/reference_is_broken.py", "does not load", "No module named 'nunpy'", "line 6"],
    ),
    "suite_is_broken": (
        edit(SUITE_2.format("suite_is_broken"), "import pytest\n", "import pytest\nimport no_such_module\n"),
        ["autotests/suite_is_broken", "test_hidden.py:2", "no_such_module", "mend the suite"],
    ),
    "conftest_is_broken": (
        lambda root: (root / "autotests/conftest_is_broken/conftest.py").write_text("import no_such_module\n"),
        ["autotests/conftest_is_broken", "conftest.py", "no_such_module", "mend the suite"],
    ),
}


@pytest.fixture(scope="module")
def proves_invalid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A run over assignments that look sound, and of which all but ``second`` prove invalid."""
    root = make_course(tmp_path_factory.mktemp("invalid"))
    for order, (name, (change, _)) in enumerate(INVALID_WHEN_RUN.items(), start=3):
        for folder in ("solutions", "autotests"):
            shutil.copytree(root / folder / "second", root / folder / name)
        (root / "solutions" / name / "second.py").rename(root / "solutions" / name / f"{name}.py")
        edit(f"solutions/{name}/assignment.toml", "order = 2", f"order = {order}")(root)
        change(root)
        hand_in(root, "ada", {f"{name}.py": DOUBLE}, name)
    hand_in(root, "ada", {"second.py": DOUBLE}, "second")
    return root, grader(root, "grade", "--json")


@pytest.mark.parametrize("name", INVALID_WHEN_RUN)
def test_an_assignment_that_proves_invalid_gives_no_marks(
    name: str, proves_invalid: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    root, result = proves_invalid
    _, words = INVALID_WHEN_RUN[name]
    [message] = [part for part in result.stderr.split("error: ") if part.startswith(f"{name} is not graded")]
    assert [word for word in words if word not in message] == []
    assert "remedy: " in message
    assert listed(result)[name, "ada"]["status"] == "not_graded"
    assert (name, "ada") not in stored(root)


def test_the_other_assignments_are_graded(proves_invalid: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    root, result = proves_invalid
    assert result.returncode == 1
    assert listed(result)["second", "ada"]["score"] == stored(root)["second", "ada"].score == 1


# What is selected -----------------------------------------------------------------------------------------------------


def places(result: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], tuple[str, float | None]]:
    assert result.returncode == 0, result.stderr
    return {place: (each["status"], each["score"]) for place, each in listed(result).items()}


ADA, BEN = {("tiny", "ada"): ("graded", 12)}, {("tiny", "ben"): ("graded", 10)}
ADA_2, BEN_2 = {("second", "ada"): ("graded", 1)}, {("second", "ben"): ("missing", 0)}


def test_selections_and_another_database(root: Path) -> None:
    other = ("--db", "sqlite:///other results.sqlite", "--json")
    below = root / "submitted" / "ada"
    assert places(grader(below, "grade", "--student", "ben", *other)) == {**BEN, **BEN_2}
    (below / "other results.sqlite").rename(root / "other results.sqlite")
    assert places(grader(root, "grade", "-a", "second", "-a", "tiny", *other)) == {**ADA, **BEN, **ADA_2, **BEN_2}
    assert set(stored(root, "other results.sqlite")) == {*ADA, *BEN, *ADA_2, *BEN_2}
    assert not (root / "grader.sqlite").exists()


def test_another_folder_a_roster_and_strangers(root: Path) -> None:
    (root / "submitted").rename(root / "handed in")
    (root / "handed in" / "ben" / "tinny").mkdir()
    (root / "handed in" / "notes.txt").write_text("no student")
    (root / "handed in" / ".trash").mkdir()
    (root / "roster.csv").write_text("id,name\nada,Ada\nzoe,Zoe\n")
    edit("course.toml", "seed = 7", 'seed = 7\nroster = "roster.csv"')(root)
    result = grader(root, "grade", "handed in", "-a", "tiny", "--json", "--jobs", "1")
    assert places(result) == {**ADA, **BEN, ("tiny", "zoe"): ("missing", 0)}
    assert result.stderr.splitlines() == [
        "note: not on the roster, graded all the same: ben",
        "note: ben/'tinny' is no assignment of this course; passed over (did you mean \"tiny\"?)",
    ]
    assert stored(root)["tiny", "zoe"].reason == "Nothing was handed in."


def test_an_assignment_that_nobody_handed_in_is_left_alone_and_one_not_yet_due(root: Path) -> None:
    shutil.rmtree(root / "submitted" / "ada" / "second")
    edit(TOML, "order = 1", "order = 1\ndue = 2099-01-01T00:00:00Z")(root)
    (root / "submitted" / "late").mkdir()
    assert places(grader(root, "grade", "--json")) == {**ADA, **BEN}


def test_nothing_handed_in(root: Path) -> None:
    shutil.rmtree(root / "submitted")
    (root / "submitted").mkdir()
    result = refused(root)
    assert result.exit_code == 0
    assert "there is nothing to grade in" in result.stderr


# What is graded again -------------------------------------------------------------------------------------------------


MANY = {f"s{number:02}": RIGHT if number % 2 else ROOT_IS_WRONG for number in range(26)}


@pytest.fixture(scope="module")
def class_of_28(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course whose submissions are graded, by several workers; the tests work on copies."""
    root = make_course(tmp_path_factory.mktemp("class of 28"))
    for student, text in {**MANY, "ada": RIGHT, "ben": ROOT_IS_WRONG}.items():
        hand_in(root, student, {"tiny.py": text})
    assert places(grader(root, "grade", "--json", "--jobs", "4")) == {
        **ADA,
        **BEN,
        **{("tiny", student): ("graded", 12 if text == RIGHT else 10) for student, text in MANY.items()},
    }
    return root


@pytest.fixture
def graded(class_of_28: Path, tmp_path: Path) -> Path:
    root = tmp_path / class_of_28.name
    shutil.copytree(class_of_28, root)
    return root


def test_what_changes_is_graded_again_and_the_rest_is_not(graded: Path) -> None:
    (graded / "submitted" / "ben" / "tiny" / "helper.py").write_text("x = 1\n")
    result = grader(graded, "grade")
    assert (result.returncode, result.stderr) == (0, "1 graded now, 27 unchanged since the last time.\n")
    edit("course.toml", "memory_mb = 256", "memory_mb = 257")(graded)
    result = grader(graded, "grade", "--student", "ben")
    assert (result.returncode, result.stderr) == (0, "1 graded now, 0 unchanged since the last time.\n")


def test_the_number_of_jobs_changes_nothing(graded: Path) -> None:
    result = grader(graded, "grade", "--jobs", "1", "--student", "s07", "--db", "sqlite:///one.sqlite")
    assert result.returncode == 0
    place = "tiny", "s07"
    assert without_seconds(stored(graded, "one.sqlite")) == {place: without_seconds(stored(graded))[place]}


def in_a_terminal(root: Path, answers: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run the command in a terminal and answer its questions."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*arguments),
        cwd=root,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(TERM="xterm", COLUMNS="120", LINES="40"),
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    asked = dict(answers)
    try:
        while select.select([ours], [], [], 120)[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux's way of saying that the other side has closed the terminal
                break
            shown += part.decode("utf-8", "replace")
            for question in [question for question in asked if question in shown]:
                os.write(ours, asked.pop(question).encode())
    finally:
        os.close(ours)
        process.wait(timeout=60)
    assert not asked, shown
    return process.returncode, shown


def remember_another_result(root: Path, student: str) -> GradeReport:
    """As if the submission, a flaky one, had been given other marks before."""
    report = stored(root)["tiny", student]
    tests = tuple(
        replace(test, earned=0.0, outcome=Outcome.TIMEOUT) if test.name == "test_mean" else test
        for test in report.tests
    )
    forged = replace(report, tests=tests, score=(report.score or 0) - 2)
    with Store(f"sqlite:///{root / 'grader.sqlite'}".replace("%", "%25")) as store:
        store.record(forged)
    return forged


def without_seconds(reports: dict[tuple[str, str], GradeReport]) -> dict[tuple[str, str], Any]:
    """What must be the same in every run."""
    return {
        place: replace(report, seconds=0.0, tests=tuple(replace(test, seconds=0.0) for test in report.tests))
        for place, report in reports.items()
    }


def test_a_regrade_shows_its_changes_before_it_writes_them(graded: Path) -> None:
    honest = without_seconds(stored(graded))
    remember_another_result(graded, "ada")
    forged = without_seconds(stored(graded))
    regrade = ("grade", "--student", "ada", "--regrade")

    no_terminal = grader(graded, *regrade, env=environment(COLUMNS="120"))
    assert no_terminal.returncode == 0, no_terminal.stderr
    assert "Nothing was written; add --yes" in no_terminal.stderr
    for words in (
        "ada",
        "mean of any array",
        "out of time (0)",
        "passed (2)",
        "graded (10)",
        "graded (12)",
        "1 mark up",
    ):
        assert words in no_terminal.stdout
    assert "root, and" not in no_terminal.stdout, "what has not changed is not listed"
    assert without_seconds(stored(graded)) == forged

    code, shown = in_a_terminal(graded, {"Write these changes?": "n\n"}, *regrade)
    assert code == 0
    assert "mean of any array" in shown
    assert "grading" in shown, "a progress bar"
    assert without_seconds(stored(graded)) == forged

    written = grader(graded, *regrade, "--yes", "--json")
    assert places(written) == ADA
    assert "1 mark up" in written.stderr
    assert without_seconds(stored(graded)) == honest, "the same draws, the same marks"


def test_a_regrade_in_a_terminal_is_written_on_yes(root: Path) -> None:
    hand_in(root, "ada", {"tiny.py": "x = 1\n"})
    with Store(f"sqlite:///{root / 'grader.sqlite'}".replace("%", "%25")) as store:
        store.record(GradeReport("tiny", "ada", Status.GRADED, 12.0, 12.0))
    arguments = ("grade", "-a", "tiny", "--student", "ada", "--regrade")
    code, shown = in_a_terminal(root, {"Write these changes?": "y\n"}, *arguments)
    assert code == 0, shown
    assert stored(root)["tiny", "ada"].score == 0


def test_a_regrade_that_is_not_written_is_not_listed_as_if_it_were(root: Path) -> None:
    with Store(f"sqlite:///{root / 'grader.sqlite'}".replace("%", "%25")) as store:
        store.record(GradeReport("tiny", "ben", Status.GRADED, 7.0, 12.0))
    result = grader(root, "grade", "-a", "tiny", "--student", "ben", "--regrade", "--json")
    assert "Nothing was written" in result.stderr
    assert places(result) == {("tiny", "ben"): ("graded", 7)}
