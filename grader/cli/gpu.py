"""``grader gpu``: timed training tasks."""

from __future__ import annotations

import click

from grader.cli.common import GraderGroup

COMMANDS = {
    "run": ("grader.cli.gpu_run:run", "Grade the submissions of timed tasks."),
    "queue": ("grader.cli.gpu_queue:queue", "List what waits for a device, and for how long."),
    "cancel": ("grader.cli.gpu_queue:cancel", "Take submissions out of the queue."),
    "calibrate": ("grader.cli.gpu_calibrate:calibrate", "Measure a task's reference on this device."),
    "leaderboard": ("grader.cli.gpu_leaderboard:leaderboard", "Rank the students of a timed task."),
}


@click.group(cls=GraderGroup, table=COMMANDS, short_help="Run timed training tasks on a GPU or CPU.")
def gpu() -> None:
    """Run timed training tasks on the GPUs of this machine, or on CPU cores where there is none."""
