"""Imported by a zygote of notebooks: makes the shell that its guests inherit, and runs what IPython puts off.

Measured: a guest that makes its own takes 700 ms for the first cell and 60 ms for its first traceback.
"""

from __future__ import annotations

import os

from . import ipython_shell, shell  # noqa: F401  # warm: what a guest needs too

# Before anything imports matplotlib.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"


def warm_up() -> None:
    """Make the shell, run a cell, show a value and a traceback, and leave no trace of it in the namespace."""
    made = ipython_shell.make_shell()
    for source in ("_warm = [1]\n_warm", "%pwd\n_warm.x", "await _warm", "def ("):
        made.run_cell(source, store_history=True)
    made.reset(new_session=True)  # type: ignore[no-untyped-call]  # no annotations
    made.execution_count = 1


warm_up()
