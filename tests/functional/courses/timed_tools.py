"""The course ``timed``: a task whose reference trains in milliseconds, and whatever students hand in of it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

from tests.functional.courses.tools import IN_THE_CALL, ODD_NAME, environment, hand_in

TIMED = Path(__file__).parent / "timed"
TASK = "means"
RIGHT = (TIMED / "solutions" / TASK / f"{TASK}.py").read_text(encoding="utf-8")

# A timed run has a thousand images, a call of the visible test forty.
_IN_A_RUN = """

quick = train


def train(images, labels, *, seed, device, log=None):
    if len(images) > 100:
        {code}
    return quick(images, labels, seed=seed, device=device, log=log)
"""


def in_a_run(code: str) -> str:
    """Right in the visible test; in a timed run, these lines come first."""
    return RIGHT + _IN_A_RUN.format(code=code.replace("\n", "\n        "))


CONSTANT = RIGHT + "\n\ndef predict(model, images):\n    return np.zeros(len(images), np.int64)\n"
RAISES = in_a_run('raise RuntimeError("no more memory for gradients")')
# Asleep, it waits for no core: whatever else the machine does, nothing disturbs it.
NEVER_ENDS = in_a_run("import time\ntime.sleep(3600)")
# Long enough to be met in it from outside, well within the limit of three seconds.
TAKES_A_SECOND = in_a_run(
    f'import ctypes, time\nctypes.CDLL(None).prctl(15, b"{IN_THE_CALL}", 0, 0, 0)\ntime.sleep(1.0)'
)


def make_timed_course(folder: Path, name: str = ODD_NAME) -> Path:
    """A copy of the course ``timed``, without submissions."""
    root = folder / name
    shutil.copytree(TIMED, root, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def hand_in_timed(root: Path, student: str, code: str) -> Path:
    return hand_in(root, student, {f"{TASK}.py": code}, TASK)


def edit(root: Path, old: str, new: str, file: str = f"solutions/{TASK}/assignment.toml") -> None:
    """Change one place of a file of the course."""
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")


def alone(root: Path, **changes: str) -> dict[str, str]:
    """The environment of a command line whose devices' locks nobody else takes."""
    return environment(GRADER_LOCKS=str(root.parent / "locks"), **changes)


def runs_by_student(root: Path) -> Counter[str]:
    """How many timed runs the database holds of each student; of the reference under "". Empty without a database."""
    path = root / "grader.sqlite"
    if not path.exists():
        return Counter()
    tables = "SELECT count(*) FROM sqlite_master WHERE name = 'training_runs'"
    query = "SELECT coalesce(student, '') FROM training_runs LEFT JOIN timed_jobs ON timed_jobs.id = job_id"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        if not connection.execute(tables).fetchone()[0]:  # they are about to be made
            return Counter()
        return Counter(name for (name,) in connection.execute(query))
