"""Every submission of ``submissions/`` attacks the grader, every one of ``innocent/`` only looks like it.

All are handed in as one class and graded by one run of ``grader grade``. The head of an attack says what it tries,
what it must not achieve, and what it may lose: ``# lost: test=outcome|outcome, …`` (``add``: all tests of add;
``all``: all tests). Every test that is not named there must be passed; none that is named may be, unless ``passed`` is
listed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

HERE = Path(__file__).parent
# In the hidden suite, and in the environment of the grader.
WATERMARK = "HIDDEN-SUITE-7f3a9c"
SECRET = "ENVIRONMENT-SECRET-51c2"
# What a payload would make on the host if it ran there.
MARKER = Path("/tmp/grader-attack-was-here")
ADD = ("test_visible_add", "test_add", "test_add_compared_later", "test_add_changes_nothing")
# Seconds that the whole class may take on a slow and busy machine; on an idle one with two cores it takes about 60.
RUN_SECONDS = 400
# The grader takes 60 MiB, a submission 300 more than it starts with, the tests' process as much of what a submission
# gives it to keep, and twice a frame's 160 at most; whoever copied what a bomb stands for would be far above.
HOST_MEMORY_MIB = 750


@dataclass(frozen=True)
class Attack:
    """An attack and the expectations in its head."""

    name: str
    status: str
    lost: dict[str, tuple[str, ...]]  # test -> outcomes that it may have


def read_head(name: str, text: str) -> Attack:
    fields = dict(re.findall(r"^# ([\w ]+): (.*)$", text, re.MULTILINE))
    assert fields["tries"], name
    assert fields["must not"], name
    lost: dict[str, tuple[str, ...]] = {}
    for entry in fields["lost"].split(", ") if "lost" in fields else ():
        test, outcomes = entry.split("=")
        for each in ADD if test == "add" else (test,):
            lost[each] = tuple(outcomes.split("|"))
    return Attack(name, fields.get("status", "graded"), lost)


def entry_of(path: Path) -> Path:
    return path if path.is_file() else path / "attackme.py"


def attack_of(path: Path) -> Attack:
    return read_head(path.stem, entry_of(path).read_text(encoding="utf-8"))


def notebook(*sources: str) -> str:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}, ensure_ascii=False)


# Attacks that are too large or too odd to be kept as files: name -> (expectations, how to make the folder).
def entry_is_a_link(folder: Path) -> None:
    (folder / "attackme.py").symlink_to("../../global_cache/attackme/attackme.py")


def entry_is_a_fifo(folder: Path) -> None:
    os.mkfifo(folder / "attackme.py")


def folder_is_a_link(folder: Path) -> None:
    folder.rmdir()
    folder.symlink_to("../global_cache/attackme", target_is_directory=True)


def notebook_of_100_000_cells(folder: Path) -> None:
    (folder / "attackme.ipynb").write_text(notebook(*["x=1"] * 100_000).replace(" ", ""), encoding="utf-8")


def notebook_too_deep(folder: Path) -> None:
    source = "from honest import *\nprint('loaded')"
    (folder / "attackme.ipynb").write_text(notebook(source, "-" * 100_000 + "1", "1" + "+1" * 50_000), encoding="utf-8")


def notebook_of_emoji(folder: Path) -> None:
    cell = f"TEXT = '{chr(0x1F4A3) * 1_000_000}'"
    (folder / "attackme.ipynb").write_text(notebook("from honest import *", cell), encoding="utf-8")


def json_too_deep(folder: Path) -> None:
    (folder / "attackme.ipynb").write_text("[" * 500_000, encoding="utf-8")


def too_large(folder: Path) -> None:
    (folder / "attackme.py").write_text("from honest import *\n", encoding="utf-8")
    with (folder / "data.bin").open("wb") as file:
        file.truncate(40 * 2**30)  # a sparse file: it takes no place here


def thousands_of_files(folder: Path) -> None:
    (folder / "attackme.py").write_text("from honest import *\n", encoding="utf-8")
    for number in range(1000):
        (folder / f"file{number}.txt").touch()


MADE = {
    entry_is_a_link: "unreadable",
    entry_is_a_fifo: "unreadable",
    folder_is_a_link: "unreadable",
    notebook_of_100_000_cells: "unreadable",
    notebook_too_deep: "graded",
    notebook_of_emoji: "graded",
    json_too_deep: "unreadable",
    too_large: "unreadable",
    thousands_of_files: "unreadable",
}

FILES = sorted(path for path in (HERE / "submissions").iterdir() if path.name != "__pycache__")
ATTACKS = [attack_of(path) for path in FILES] + [Attack(make.__name__, status, {}) for make, status in MADE.items()]
INNOCENT = sorted(path.stem for path in (HERE / "innocent").iterdir() if path.name != "__pycache__")


@dataclass(frozen=True)
class Class:
    """The graded class."""

    root: Path
    results: dict[str, Any]  # student -> what grade --json says
    stderr: str
    seconds: float
    memory_mib: float  # the largest process of the run
    connected: bool  # whether anybody reached the listener on the host's loopback
    before: dict[str, str]  # contents of all files handed in, by path
    alive: tuple[str, ...]  # commands of processes that were left

    @property
    def texts(self) -> dict[str, str]:
        """All that the grader has written about the class: database, report, JSON, tables."""
        return {
            str(path.relative_to(self.root)): path.read_bytes().decode("utf-8", "replace")
            for path in sorted((self.root / "written").rglob("*"))
            if path.is_file()
        }


class Largest(threading.Thread):
    """Watches the processes that a running test has started, and their own: the largest resident size of any, MiB.

    What the kernel adds up for processes that were waited for misses those that end with a namespace.
    """

    def __init__(self) -> None:
        super().__init__()
        self._others = psutil.Process().children(recursive=True)
        self._over = threading.Event()
        self.memory_mib = 0.0

    def run(self) -> None:
        while not self._over.wait(0.05):
            for process in psutil.Process().children(recursive=True):
                if process not in self._others:
                    self.memory_mib = max(self.memory_mib, peak_mib(process.pid))

    def stop(self) -> float:
        self._over.set()
        self.join()
        return self.memory_mib


def peak_mib(pid: int) -> float:
    """The largest resident size that a process had so far; 0 where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GRADER_SECRET": SECRET, "PYTHONPATH": ""}
    command = [sys.executable, "-m", "grader.cli.main", *arguments]
    database = ["--db", f"sqlite:///{root / 'written' / 'results.sqlite'}"]
    return subprocess.run(
        [*command, *database], cwd=root, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS
    )


def contents(folder: Path) -> dict[str, str]:
    """Text or link target of everything below a folder, large files by their size."""
    told = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            told[str(path)] = f"-> {path.readlink()}"
        elif path.is_file():
            small = path.stat().st_size < 10_000_000
            told[str(path)] = path.read_text("utf-8") if small else str(path.stat().st_size)
        else:
            told[str(path)] = "folder or fifo"
    return told


def hand_in(root: Path, port: int) -> None:
    """Copy every submission to ``submitted/<its name>/attackme``, with the reference beside it as ``honest.py``."""
    honest = (root / "solutions/attackme/attackme.py").read_text(encoding="utf-8")
    for path in [*FILES, *(HERE / "innocent").iterdir()]:
        folder = root / "submitted" / path.stem / "attackme"
        if path.is_dir():
            shutil.copytree(path, folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True)
            shutil.copy(path, folder / "attackme.py")
        (folder / "honest.py").write_text(honest, encoding="utf-8")
    (root / "submitted/network/attackme/port.txt").write_text(str(port), encoding="utf-8")
    for make in MADE:
        folder = root / "submitted" / make.__name__ / "attackme"
        folder.mkdir(parents=True)
        make(folder)
        if folder.is_dir() and not folder.is_symlink() and make is not thousands_of_files:
            (folder / "honest.py").write_text(honest, encoding="utf-8")


def processes() -> dict[int, str]:
    """Command names of all processes, by number."""
    told = {}
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            told[int(path.parent.name)] = path.read_text().strip()
    return told


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Class:
    """The whole class, graded once; then reported and shown."""
    root = tmp_path_factory.mktemp("a course") / "it's odd"
    shutil.copytree(HERE / "course", root, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "written").mkdir()
    MARKER.unlink(missing_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        hand_in(root, server.getsockname()[1])
        before = contents(root / "submitted")
        start = time.monotonic()
        largest = Largest()
        largest.start()
        try:
            result = run(root, "grade", "--json")
        finally:
            memory = largest.stop()
        seconds = time.monotonic() - start
        try:
            server.accept()
            connected = True
        except TimeoutError:
            connected = False
    assert result.returncode == 0, result.stderr[-4000:]
    left = tuple(name for name in processes().values() if name == "attackdaemon")
    (root / "written/grade.json").write_text(result.stdout, encoding="utf-8")
    (root / "written/grade.err").write_text(result.stderr, encoding="utf-8")
    for name, arguments in {
        "table": ["grade"],
        "shown": ["show", "ansi_and_html"],
        "csv": ["export", "--format", "csv"],
        "json": ["export", "--format", "json"],
    }.items():
        told = run(root, *arguments)
        assert told.returncode == 0, told.stderr
        (root / "written" / name).write_text(told.stdout + told.stderr, encoding="utf-8")
    told = run(root, "report", "--out", str(root / "written/report"))
    assert told.returncode == 0, told.stderr
    results = {entry["student"]: entry for entry in json.loads(result.stdout)}
    return Class(root, results, result.stderr, seconds, memory, connected, before, left)


def outcomes(entry: dict[str, Any]) -> dict[str, str]:
    return {test["name"]: test["outcome"] for test in entry["tests"]}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack(graded: Class, attack: Attack) -> None:
    entry = graded.results[attack.name]
    assert entry["status"] == attack.status
    if attack.status != "graded":
        assert entry["score"] == 0
        assert set(outcomes(entry).values()) <= {"not run"}
        return
    told = outcomes(entry)
    assert len(told) == 12
    every = attack.lost.get("all")
    for test, outcome in told.items():
        assert outcome in (every or attack.lost.get(test, ("passed",))), test
    points = sum(test["points"] for test in entry["tests"] if test["outcome"] == "passed")
    assert entry["score"] == points == sum(test["earned"] for test in entry["tests"])


@pytest.mark.parametrize("name", INNOCENT)
def test_innocent(graded: Class, name: str) -> None:
    entry = graded.results[name]
    assert {test: outcome for test, outcome in outcomes(entry).items() if outcome != "passed"} == {}
    assert (entry["status"], entry["score"]) == ("graded", 12)


def test_there_are_enough_of_both() -> None:
    assert len(ATTACKS) >= 25
    assert len(INNOCENT) >= 6


def test_everybody_was_graded(graded: Class) -> None:
    assert set(graded.results) == {attack.name for attack in ATTACKS} | set(INNOCENT)
    assert "Traceback" not in graded.stderr
    assert "unchanged" in graded.texts["written/table"]


def test_no_secret_has_left_its_place(graded: Class) -> None:
    """Neither the suite's text nor the grader's environment stands in anything that was written."""
    assert {"written/grade.json", "written/json", "written/shown", "written/results.sqlite"} <= set(graded.texts)
    assert any(name.startswith("written/report/") for name in graded.texts)
    for name, text in graded.texts.items():
        for secret in (WATERMARK, SECRET, "root:x:0:0"):
            assert secret not in text, name
        assert "HIJACKED" not in text, name


def test_messages_are_text_wherever_they_are_shown(graded: Class) -> None:
    for name, text in graded.texts.items():
        if not name.endswith(".sqlite"):
            assert "\x1b" not in text, name
            assert "\u202e" not in text, name
        if name.endswith(".html"):
            assert not re.search(r"<script>\s*alert|<img[^>]*onerror", text), name
    page = next(text for name, text in graded.texts.items() if "ansi-and-html" in name)
    assert "&lt;script&gt;alert" in page, "the message itself is shown"


def test_the_host_is_as_it_was(graded: Class) -> None:
    assert not MARKER.exists()
    assert not graded.connected
    assert graded.alive == ()
    assert contents(graded.root / "submitted") == graded.before
    for name in ("planted", "sitecustomize.py", "full0", "left"):
        assert not Path("/tmp", name).exists()
    left = [
        path for path in graded.root.rglob("*") if "submitted" not in path.parts and path.suffix in (".pyc", ".xml")
    ]
    assert left == []


def test_the_run_was_bounded(graded: Class) -> None:
    assert graded.seconds < RUN_SECONDS
    assert 50 < graded.memory_mib < HOST_MEMORY_MIB
