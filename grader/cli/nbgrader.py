"""``grader nbgrader``: a classroom of nbgrader's, graded by our suites."""

from __future__ import annotations

import importlib.util

import click

from grader.cli.common import GraderGroup
from grader.errors import UsageError

COMMANDS = {
    "init": ("grader.cli.nbgrader_init:init", "Make or update a classroom: configuration and source notebooks."),
    "autograde": ("grader.cli.nbgrader_autograde:autograde", "Autograde a whole class in parallel."),
}


@click.group(cls=GraderGroup, table=COMMANDS, short_help="Run the course as an nbgrader classroom.")
def nbgrader() -> None:
    """Run the course as an nbgrader classroom: its own commands and formgrader, with our suites behind the wall."""


def require_nbgrader() -> None:
    """Its commands need the package nbgrader, which the grader leaves to those who use it.

    :raises UsageError: it is not installed.
    """
    if importlib.util.find_spec("nbgrader") is None:
        raise UsageError("nbgrader is not installed", remedy="pip install 'dl-course-grader[nbgrader]'")
