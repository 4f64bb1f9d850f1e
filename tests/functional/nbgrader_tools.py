"""nbgrader's own commands, each user with a name, a home and settings apart from those of whoever runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent  # also where nbgrader looks for alembic, when it makes a gradebook


def environment(home: Path) -> dict[str, str]:
    """The environment of a user whose home, settings and caches lie below ``home``."""
    (home / "config").mkdir(parents=True, exist_ok=True)
    # jsonschema builds a parser of international addresses when it is imported: 0.9 s of each of nbgrader's commands.
    (home / "site").mkdir(exist_ok=True)
    (home / "site" / "sitecustomize.py").write_text("import sys\nsys.modules.setdefault('rfc3987_syntax', None)\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON", "XDG"))}
    return kept | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(home / "site"), os.environ.get("PYTHONPATH", "")])),
    }


def nbgrader(
    folder: Path, *arguments: str, env: Mapping[str, str], fails: bool = False, wrapper: Iterable[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run ``nbgrader …`` in a folder; it must succeed, or with ``fails`` it must not.

    :param wrapper: a command that runs the one behind it.
    """
    done = subprocess.run(
        [*wrapper, str(BIN / "nbgrader"), *arguments],
        cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode != 0) == fails, f"nbgrader {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done


@dataclass(frozen=True)
class User:
    """Somebody with an account of his own on a machine that several share.

    As root, a student is another user for the kernel too: the exchange's permissions hold for him, and what he hands in
    is his. Otherwise his number and name exist in a user namespace alone, and the kernel takes him for whoever runs the
    tests: nbgrader then goes by the name, and permissions between users are not tested.
    """

    name: str
    number: int  # his uid; 0: whoever runs the tests
    home: Path
    passwd: Path  # what he sees as /etc/passwd
    reaches: tuple[Path, ...] = ()  # folders that he must reach, whatever folder of somebody else's they lie in
    env: dict[str, str] = field(default_factory=dict)

    def nbgrader(self, *arguments: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        """Run ``nbgrader …`` in the user's home."""
        return nbgrader(self.home, *arguments, env=self.env, fails=fails, wrapper=self._wrapper())

    def _wrapper(self) -> list[str]:
        command = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(self.passwd), "/etc/passwd"]
        if self.number == 0:
            return [*command, "--"]
        if os.geteuid() != 0:
            return [*command, "--unshare-user", "--uid", str(self.number), "--gid", str(self.number), "--"]
        # A folder that only root may enter gets an empty one in its place that shows what is needed below it.
        shown: dict[Path, list[Path]] = {}
        for path in self.reaches:
            closed = next((each for each in reversed(path.parents) if not each.stat().st_mode & 0o001), None)
            if closed is not None:
                shown.setdefault(closed, []).append(path)
        for closed, paths in shown.items():
            command += ["--tmpfs", str(closed)]
            for path in paths:
                for parent in reversed(path.relative_to(closed).parents[:-1]):
                    command += ["--perms", "0755", "--dir", str(closed / parent)]
                command += ["--bind", str(path), str(path)]
        number = str(self.number)
        return [*command, "--", "setpriv", "--reuid", number, "--regid", number, "--clear-groups", "--"]


def make_users(folder: Path, names: Iterable[str], settings: str, shared: Path) -> dict[str, User]:
    """Users with homes below ``folder``.

    :param settings: nbgrader's configuration of each of them.
    :param shared: a folder that all of them reach.
    """
    passwd = folder / "passwd"
    numbers = {name: 4001 + place for place, name in enumerate(names)}
    lines = [f"{name}:x:{number}:{number}::{folder / name}:/bin/sh\n" for name, number in numbers.items()]
    passwd.write_text(Path("/etc/passwd").read_text(encoding="utf-8") + "".join(lines), encoding="utf-8")
    users = {}
    for name, number in numbers.items():
        home = folder / name
        env = environment(home)
        config = home / "config"
        (config / "nbgrader_config.py").write_text(settings, encoding="utf-8")
        if os.geteuid() == 0:
            for path in (home, config):
                os.chown(path, number, number)
        reaches = (home, shared, Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2])
        users[name] = User(name, number, home, passwd, reaches, env)
    return users


# What autograding leaves ----------------------------------------------------------------------------------------------

_ROWS = (
    "SELECT s.student_id, b.name, n.late_submission_penalty, s.timestamp, s.extension, n.flagged"
    " FROM submitted_assignment s JOIN submitted_notebook n ON n.assignment_id = s.id"
    " JOIN notebook b ON b.id = n.notebook_id",
    "SELECT s.student_id, c.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade"
    " FROM grade g JOIN submitted_notebook n ON n.id = g.notebook_id"
    " JOIN submitted_assignment s ON s.id = n.assignment_id JOIN base_cell c ON c.id = g.cell_id",
    "SELECT s.student_id, c.name, m.auto_comment, m.manual_comment"
    " FROM comment m JOIN submitted_notebook n ON n.id = m.notebook_id"
    " JOIN submitted_assignment s ON s.id = n.assignment_id JOIN base_cell c ON c.id = m.cell_id",
    "SELECT id, first_name, last_name, email, lms_user_id FROM student",
)


def gradebook_rows(place: Path | str) -> list[tuple[Any, ...]]:
    """Everything in a gradebook that autograding writes, in a fixed order and without its random ids.

    :param place: the classroom, or the URL of its database.
    """
    from sqlalchemy import create_engine, text

    url = place if isinstance(place, str) else f"sqlite:///{place / 'gradebook.db'}"
    engine = create_engine(url)
    try:
        with engine.connect() as database:
            return [
                tuple(row) for statement in _ROWS for row in sorted(database.execute(text(statement)).all(), key=repr)
            ]
    finally:
        engine.dispose()


def files_below(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and mode of every file, by its relative path."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
