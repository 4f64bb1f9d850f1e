"""Imported by a zygote of notebooks that plot: draws one figure, so that fonts and formats are found before the fork.

To be imported after ``warm_shell``, whose shell the inline backend attaches itself to.
"""

from __future__ import annotations


def draw_once() -> None:
    """Draw a figure into nothing."""
    import matplotlib.pyplot as plt
    from IPython.core.pylabtools import print_figure

    figure, axes = plt.subplots()
    axes.plot([0, 1], label="x")
    axes.set_title("x")
    axes.legend()
    print_figure(figure, "png")  # type: ignore[no-untyped-call]  # no annotations
    plt.close("all")


draw_once()
