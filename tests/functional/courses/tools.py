"""Courses in odd places, the real command line, and the processes that it starts."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from grader.model import GradeReport
from grader.store.database import Store
from tests.functional.courses.students import Files

TINY = Path(__file__).parent / "tiny"
ODD_NAME = 'it\'s a "course" [1] %41'
DEADLINE = 60.0  # seconds; what is awaited takes a second or two, on a busy machine ten


def make_course(folder: Path, name: str = ODD_NAME) -> Path:
    """A copy of the course ``tiny``, without submissions."""
    root = folder / name
    shutil.copytree(TINY, root, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def hand_in(root: Path, student: str, files: Files, assignment: str = "tiny") -> Path:
    """Put a student's files where they belong; the folder is new afterwards."""
    folder = root / "submitted" / student / assignment
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "grader.cli.main", *map(str, arguments)]


def grader(root: Path, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line in the course's folder; nothing of it is a terminal."""
    options = {"cwd": root, "stdin": subprocess.DEVNULL, "timeout": 240, **options}
    return subprocess.run(command(*arguments), capture_output=True, text=True, **options)


def start(root: Path, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Start the command line as the leader of a process group, as a shell does.

    Ctrl-C reaches it also where these tests themselves run in the background, whose children ignore it.
    """
    options = {"cwd": root, "stdin": subprocess.DEVNULL, "start_new_session": True, **options}
    options.setdefault("preexec_fn", heed_interrupts)
    return subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def heed_interrupts() -> None:
    """In a child before it becomes another program: SIGINT ends it again."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def listed(result: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """What ``--json`` prints, by assignment and student."""
    return {(each["assignment"], each["student"]): each for each in json.loads(result.stdout)}


def stored(root: Path, database: str = "grader.sqlite") -> dict[tuple[str, str], GradeReport]:
    """The current reports of the results database, by assignment and student."""
    if not (root / database).exists():
        return {}
    with Store(f"sqlite:///{root / database}".replace("%", "%25"), read_only=True) as store:
        return {(report.assignment, report.student): report for report in store.latest()}


# Processes ------------------------------------------------------------------------------------------------------------


def await_that(condition: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> Any:
    """Wait until the condition holds and return its value; fail where the process ends before, or after DEADLINE."""
    deadline = time.monotonic() + DEADLINE
    poll = select.poll()
    while True:
        ended = process is not None and process.poll() is not None
        if value := condition():
            return value
        assert not ended, (
            f"the process has ended too early: {process.stderr.read() if process and process.stderr else ''}"
        )
        assert time.monotonic() < deadline, "it has not come about in time"
        poll.poll(10)  # milliseconds


def descendants(pid: int) -> list[int]:
    """Numbers of all living descendants, parents before children."""
    found: list[int] = []
    queue = [pid]
    while queue:
        parent = queue.pop(0)
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                numbers = [int(number) for number in children.read_text().split()]
                found += numbers
                queue += numbers
    return found


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has collected yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def all_gone(pids: Iterable[int]) -> bool:
    return all(map(is_gone, pids))


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


# The last call of the last test waits and says so: the name of its process can be seen from outside.
IN_THE_CALL = "in-the-call"
WAITS = f'''
def power(base, exponent):
    import ctypes
    import time

    if base > 100:
        ctypes.CDLL(None).prctl(15, b"{IN_THE_CALL}", 0, 0, 0)
        time.sleep(3600)
    return base**exponent
'''


class Family:
    """The processes of a run at the moment when a submission's call waits."""

    def __init__(self, process: subprocess.Popen[str], known: Iterable[int] = ()) -> None:
        """Wait for a guest that is in its call; those in ``known`` do not count."""
        before = set(known)
        self.guest: int = await_that(
            lambda: next((p for p in descendants(process.pid) if p not in before and name_of(p) == IN_THE_CALL), 0),
            process,
        )
        self.all = descendants(process.pid)
        self.zygote = parent_of(self.guest)
        self.bubblewrap = next(pid for pid in self.all if name_of(pid) == "bwrap" and pid != self.zygote)
        self.examiner = parent_of(self.bubblewrap)
        [self.examiner_child] = [
            pid
            for pid in self.all
            if parent_of(pid) == self.examiner and "grader.grading.examiner" in command_line(pid)
        ]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, **changes}
