"""``grader nbgrader``: a classroom of nbgrader's, graded by our suites."""

from __future__ import annotations

import click

from grader.cli.common import GraderGroup

COMMANDS = {
    "init": ("grader.cli.nbgrader_init:init", "Make or update a classroom: configuration and source notebooks."),
    "autograde": ("grader.cli.nbgrader_autograde:autograde", "Autograde a whole class in parallel."),
}


@click.group(cls=GraderGroup, table=COMMANDS, short_help="Run the course as an nbgrader classroom.")
def nbgrader() -> None:
    """Run the course as an nbgrader classroom: its own commands and formgrader, with our suites behind the wall."""
