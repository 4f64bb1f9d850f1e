"""``nbgrader collect`` with our class: what students put into the exchange is theirs, or is left there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functional.courses.tools import grader
from tests.functional.nbgrader_tools import environment, nbgrader

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

A = "softmax"
SECRET = "expected = 42  # of a hidden test"


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder ``submitted`` and the log, after a class with links and worse has been collected."""
    folder = tmp_path_factory.mktemp("it's a class")
    root, exchange = folder / "course", folder / "exchange"
    assert grader(folder, "init", root).returncode == 0
    assert grader(root, "nbgrader", "init", ".", "--course-id", "dl").returncode == 0
    with (root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"c.Exchange.root = {str(exchange)!r}\nc.CourseDirectory.max_dir_size = 10\n")
    secret = root / "autotests" / "secret.py"
    secret.write_text(SECRET, encoding="utf-8")
    inbound = exchange / "dl" / "inbound"
    inbound.mkdir(parents=True)
    exchange.chmod(0o777)

    def big(place: Path) -> None:
        (place / "big.bin").write_bytes(bytes(20_000))

    hand_ins: dict[str, Callable[[Path], object]] = {
        "anna": lambda place: (place / "notes.txt").symlink_to(secret),
        "ben": lambda place: (place / "more").symlink_to(secret.parent),
        "chiara": lambda place: os.mkfifo(place / "pipe"),
        "dana": big,
        "zoe": lambda place: None,
    }
    for student, add in hand_ins.items():
        place = inbound / f"{student}+{A}+2026-10-01 10:00:00 UTC+x"
        (place / "helpers").mkdir(parents=True)
        (place / "timestamp.txt").write_text("2026-10-01 10:00:00 UTC", encoding="utf-8")
        (place / f"{A}.ipynb").write_text("{}", encoding="utf-8")
        (place / "helpers" / "own.py").write_text("x = 1", encoding="utf-8")
        add(place)
    (inbound / f"eve+{A}+2026-10-01 10:00:00 UTC+x").symlink_to(root / "autotests")
    done = nbgrader(root, "collect", A, env=environment(folder / "home"))
    return root / "submitted", done.stderr


@pytest.mark.parametrize("student", ["anna", "ben", "chiara", "zoe"])
def test_own_files_are_collected(collected: tuple[Path, str], student: str) -> None:
    place = collected[0] / student / A
    files = sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
    assert files == ["helpers/own.py", f"{A}.ipynb", "timestamp.txt"]


@pytest.mark.parametrize("name", ["notes.txt", "more", "pipe"])
def test_what_is_no_file_of_the_students_is_left_out_and_named(collected: tuple[Path, str], name: str) -> None:
    submitted, log = collected
    assert not list(submitted.rglob(name))
    assert name in log


def test_nothing_secret_is_among_students_files(collected: tuple[Path, str]) -> None:
    for path in collected[0].rglob("*"):
        assert not path.is_symlink()
        assert path.is_dir() or SECRET not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("student", "why"), [("eve", "symbolic link"), ("dana", "more than 10 KB")])
def test_one_that_cannot_be_copied_stops_nobody(collected: tuple[Path, str], student: str, why: str) -> None:
    submitted, log = collected
    assert not (submitted / student / A).exists()
    assert f"{student}+{A}" in log
    assert why in log
