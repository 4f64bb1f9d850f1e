"""``grader grade`` when the grader itself fails or is stopped: no mark is written, nothing stays behind, it resumes."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.model import GradeReport, Outcome, Status
from grader.store.database import Store
from tests.functional.courses.students import RIGHT, but
from tests.functional.courses.tools import (
    WAITS,
    Family,
    all_gone,
    await_that,
    command,
    descendants,
    environment,
    grader,
    hand_in,
    is_gone,
    listed,
    make_course,
    start,
    stored,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_course(tmp_path)
    for student in ("a", "b"):
        hand_in(root, student, {"tiny.py": RIGHT})
    return root


def let_calls_wait(root: Path) -> None:
    """So long that nothing but a signal ends them."""
    course = root / "course.toml"
    course.write_text(course.read_text().replace("wall_seconds = 5.0", "wall_seconds = 200.0"))


def is_sound(root: Path) -> bool:
    with contextlib.closing(sqlite3.connect(root / "grader.sqlite")) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# A machine that lacks something ---------------------------------------------------------------------------------------


def test_without_bubblewrap(root: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    result = grader(root, "grade", "--json", env=environment(PATH=str(empty)))
    assert result.returncode == 2
    assert "bubblewrap is not installed" in result.stderr
    assert "apt-get install bubblewrap" in result.stderr
    assert "2 of 2 submissions were not graded and stay due" in result.stderr
    assert "Traceback" not in result.stderr
    assert [(each["status"], each["score"]) for each in listed(result).values()] == [("not_graded", None)] * 2
    assert {report.status for report in stored(root).values()} == {Status.NOT_GRADED}


def test_with_a_bubblewrap_that_fails(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    (folder / "bwrap").chmod(0o755)
    result = grader(root, "grade", env=environment(PATH=f"{folder}:{os.environ['PATH']}"))
    assert result.returncode == 2
    assert "No permissions to create new namespace" in result.stderr
    assert "grader doctor" in result.stderr
    assert all(report.score is None for report in stored(root).values())


# The results database -------------------------------------------------------------------------------------------------

# Waits for another writer for a moment only; otherwise the real command.
IMPATIENT = """
import sys
from grader.store.database import Store
Store.__init__.__kwdefaults__["timeout"] = 0.2
from grader.cli.main import main
main(sys.argv[1:])
"""


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def test_a_locked_database(root: Path) -> None:
    assert grader(root, "grade", "--student", "a").returncode == 0
    with locked(root / "grader.sqlite"):
        program = [sys.executable, "-c", IMPATIENT, "grade"]
        result = subprocess.run(program, cwd=root, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    assert "Another process keeps the results database locked." in result.stderr
    assert "remedy: wait until the other grader has ended" in result.stderr
    assert [student for _, student in stored(root)] == ["a"], "what was graded stays"
    again = grader(root, "grade")
    assert (again.returncode, again.stderr) == (0, "1 graded now, 1 unchanged since the last time.\n")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///no/such/folder/results.sqlite", "does not exist"),
        ("sqlite:///submitted", "cannot be opened"),
        ("sqlite:///course.toml", "not a SQLite database"),
        ("sqlite:////dev/full", ""),
    ],
)
def test_a_database_that_cannot_be_written(root: Path, url: str, words: str) -> None:
    result = grader(root, "grade", "--db", url)
    assert result.returncode == 2
    assert words in result.stderr
    assert "remedy: " in result.stderr
    assert "Traceback" not in result.stderr
    assert not (root / "grader.sqlite").exists()


def test_a_full_disk(root: Path) -> None:
    for number in range(30):
        hand_in(root, f"c{number:02}", {"tiny.py": but(f"print('{'x' * 8000}')\n")})
    limit = 128 * 1024  # bytes of one file; SQLite is refused as on a full disk

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    result = grader(root, "grade", "--jobs", "1", preexec_fn=small_disk)
    assert result.returncode == 2
    assert "disk" in result.stderr
    assert "remedy: " in result.stderr
    assert "Traceback" not in result.stderr
    before = stored(root)
    assert 0 < len(before) < 32
    assert {report.status for report in before.values()} == {Status.GRADED}
    again = grader(root, "grade")
    assert again.returncode == 0
    assert again.stderr == f"{32 - len(before)} graded now, {len(before)} unchanged since the last time.\n"


# Stopped --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(root: Path) -> Iterator[tuple[Path, subprocess.Popen[str], Family]]:
    """A run that has graded ``a`` and ``b`` and waits in a call of ``c``; ``d`` has not had its turn."""
    let_calls_wait(root)
    hand_in(root, "c", {"tiny.py": but(WAITS)})
    hand_in(root, "d", {"tiny.py": RIGHT})
    process = start(root, "grade", "--jobs", "1")
    try:
        yield root, process, Family(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def resumes(root: Path) -> None:
    assert is_sound(root)
    assert sorted(student for _, student in stored(root)) == ["a", "b"]
    hand_in(root, "c", {"tiny.py": RIGHT})
    again = grader(root, "grade")
    assert (again.returncode, again.stderr) == (0, "2 graded now, 2 unchanged since the last time.\n")


def test_control_c(waiting: tuple[Path, subprocess.Popen[str], Family]) -> None:
    root, process, family = waiting
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert all_gone(family.all)
    assert "2 of 4 are graded and stored; run it again for the rest." in err
    assert "Traceback" not in out + err
    resumes(root)


def test_sigterm(waiting: tuple[Path, subprocess.Popen[str], Family]) -> None:
    root, process, family = waiting
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert all_gone(family.all)
    assert "Traceback" not in err
    assert is_sound(root)
    assert sorted(student for _, student in stored(root)) == ["a", "b"]


def test_kill_9(waiting: tuple[Path, subprocess.Popen[str], Family]) -> None:
    root, process, family = waiting
    process.kill()
    process.communicate(timeout=30)
    await_that(lambda: all_gone(family.all))
    resumes(root)


def test_sigterm_while_it_warms_up(root: Path) -> None:
    process = start(root, "grade")
    examiner = await_that(lambda: descendants(process.pid), process)
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2, err
    assert all_gone(examiner)
    assert stored(root) == {}


# One of the processes is killed; the students are named after it.
VICTIMS = ("bubblewrap", "examiner", "examiner_child", "guest", "zygote")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str], list[int]]:
    """A run in which one after the other is killed while a submission's call waits."""
    root = make_course(tmp_path_factory.mktemp("killed"))
    let_calls_wait(root)
    for student in VICTIMS:
        hand_in(root, student, {"tiny.py": but(WAITS)})
    hand_in(root, "last", {"tiny.py": RIGHT})
    process = start(root, "grade", "--jobs", "1")
    seen: list[int] = []
    try:
        for victim in sorted(VICTIMS):
            family = Family(process, known=seen)
            os.kill(getattr(family, victim), signal.SIGKILL)
            seen += family.all
            await_that(lambda: is_gone(family.guest))  # noqa: B023  # called before the next turn of the loop
        out, err = process.communicate(timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return root, subprocess.CompletedProcess([], process.returncode, out, err), seen


@pytest.mark.parametrize("victim", [victim for victim in VICTIMS if victim != "guest"])
def test_who_was_being_graded_gets_no_mark(
    victim: str, killed: tuple[Path, subprocess.CompletedProcess[str], list[int]]
) -> None:
    root, _, _ = killed
    report = stored(root)["tiny", victim]
    assert (report.status, report.score) == (Status.NOT_GRADED, None)


def test_a_killed_guest_costs_the_test_alone(
    killed: tuple[Path, subprocess.CompletedProcess[str], list[int]],
) -> None:
    """Nobody can tell it from a submission that ends itself."""
    root, _, _ = killed
    report: GradeReport = stored(root)["tiny", "guest"]
    assert {test.name for test in report.tests if test.outcome is Outcome.KILLED} == {"test_power"}
    assert report.score == 10


def test_the_others_are_graded_and_it_is_said(
    killed: tuple[Path, subprocess.CompletedProcess[str], list[int]],
) -> None:
    root, result, seen = killed
    assert stored(root)["tiny", "last"].score == 12
    assert result.returncode == 2
    assert "4 of 6 submissions were not graded and stay due" in result.stderr
    assert "Traceback" not in result.stderr
    assert all_gone(seen)
    assert is_sound(root)
    for student in VICTIMS:
        hand_in(root, student, {"tiny.py": RIGHT})
    hand_in(root, "guest", {"tiny.py": but(WAITS)})
    again = grader(root, "grade")
    assert (again.returncode, again.stderr) == (0, "4 graded now, 2 unchanged since the last time.\n")


# A suite that breaks down ---------------------------------------------------------------------------------------------


def test_a_test_that_breaks_down_costs_nobody_a_mark(root: Path) -> None:
    suite = root / "autotests" / "second" / "test_hidden.py"
    suite.write_text(
        suite.read_text().replace(
            "    x = int(",
            "    if submission.double(1) != 2:\n        open('/PLANTED/secret')\n    x = int(",
        )
    )
    hand_in(root, "a", {"second.py": "def double(x):\n    return 2 * x\n"}, "second")
    hand_in(root, "b", {"second.py": "def double(x):\n    return 3 * x\n"}, "second")
    result = grader(root, "grade", "-a", "second", "--json")
    assert result.returncode == 2
    assert {student: each["status"] for (_, student), each in listed(result).items()} == {
        "a": "graded",
        "b": "not_graded",
    }
    assert "b/second" in result.stderr
    assert "FileNotFoundError" in result.stderr
    assert "/PLANTED/secret" in result.stderr, "the instructor is told"
    report = stored(root)["second", "b"]
    assert report.score is None
    assert "not to blame" in report.reason
    assert "PLANTED" not in repr(report), "the student is not"


def test_the_examiner_takes_nothing_from_where_it_is_called(root: Path) -> None:
    """The working directory may be a student's folder, and pytest's variables are for a pytest of the caller's own."""
    folder = hand_in(root, "a", {"tiny.py": RIGHT})
    for module in ("pytest", "numpy", "socket", "sitecustomize", "conftest", "grader"):
        (folder / f"{module}.py").write_text(f"open({str(root / 'taken over')!r}, 'a').write({module!r})\n")
    variables = environment(PYTEST_ADDOPTS="-k nothing", PYTEST_PLUGINS="no_such_plugin")
    program = Path(sys.executable).with_name("grader")
    arguments = [str(program)] if program.exists() else [sys.executable, "-P", "-m", "grader.cli.main"]
    result = subprocess.run(
        [*arguments, "grade"], cwd=folder, env=variables, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert not (root / "taken over").exists()


def test_the_reader_of_the_table_has_gone(root: Path) -> None:
    process = subprocess.Popen(command("grade"), cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.wait()
    assert stored(root)["tiny", "a"].score == 12


def test_two_runs_at_once(root: Path) -> None:
    for number in range(10):
        hand_in(root, f"c{number}", {"tiny.py": RIGHT})
    runs = [start(root, "grade", "--jobs", "1") for _ in range(2)]
    assert [run.communicate(timeout=120) and run.returncode for run in runs] == [0, 0]
    with Store(f"sqlite:///{root / 'grader.sqlite'}".replace("%", "%25"), read_only=True) as store:
        assert {report.score for report in store.latest()} == {12}
