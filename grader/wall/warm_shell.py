"""What a zygote of notebooks does before its first fork: makes the shell that its guests inherit.

Measured: a guest that makes its own takes 700 ms for the first cell and 60 ms for its first traceback.
"""

from __future__ import annotations

import os

from . import ipython_shell, shell  # noqa: F401  # warm: what a guest needs too


def warm_up() -> None:
    """Make the shell, run a cell, show a value and a traceback, and leave no trace of it in the namespace."""
    # Before anything imports matplotlib.
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    made = ipython_shell.make_shell()
    for source in ("_warm = [1]\n_warm", "%pwd\n_warm.x", "await _warm", "def ("):
        made.run_cell(source, store_history=True)
    made.reset(new_session=True)
    made.execution_count = 1


def draw_once() -> None:
    """Draw one figure into nothing, so that fonts and formats are found before the fork.

    To be called after :func:`warm_up`: the inline backend attaches itself to the shell.
    """
    import matplotlib.pyplot as plt
    from IPython.core.pylabtools import print_figure

    figure, axes = plt.subplots()
    axes.plot([0, 1], label="x")
    axes.set_title("x")
    axes.legend()
    print_figure(figure, "png")  # type: ignore[no-untyped-call]  # no annotations
    plt.close("all")
