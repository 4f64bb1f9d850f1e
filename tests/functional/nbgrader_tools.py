"""nbgrader's own commands in an environment of their own: no settings of whoever runs the tests, no other nbgrader."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path(sys.executable).parent  # also where nbgrader looks for alembic, when it makes a gradebook


def environment(home: Path) -> dict[str, str]:
    """The environment of a user whose home, settings and caches lie below ``home``."""
    home.mkdir(parents=True, exist_ok=True)
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
    }


def nbgrader(
    folder: Path, *arguments: str, env: Mapping[str, str], fails: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run ``nbgrader …`` in a folder; it must succeed, or with ``fails`` it must not."""
    done = subprocess.run(
        [str(BIN / "nbgrader"), *arguments],
        cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode != 0) == fails, f"nbgrader {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done
