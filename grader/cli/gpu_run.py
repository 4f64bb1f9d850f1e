"""``grader gpu run``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from grader.cli.common import data_option, db_option, json_option, open_course

Function = TypeVar("Function", bound=Callable[..., Any])


def device_options(function: Function) -> Function:
    """``--device`` and ``--small``, which all commands that train share."""
    function = click.option("--small", is_flag=True, help="Take the table [timed.small]: less data, own thresholds.")(
        function
    )
    return click.option(
        "--device", type=click.Choice(["cpu", "cuda"]), help="What to train on (default: a GPU where there is one)."
    )(function)


@click.command(short_help="Grade the submissions of timed tasks.")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("-a", "--assignment", "names", multiple=True, metavar="A", help="Only this task; may be repeated.")
@click.option("--student", metavar="S", help="Only this student.")
@click.option("--again", is_flag=True, help="Train unchanged submissions too; new results replace old ones.")
@device_options
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Devices to use at one time (default: all GPUs, or one CPU core).",
)
@data_option
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where to train: on this machine, or on a Ray cluster.",
)
@click.option(
    "--ray-address",
    metavar="HOST:PORT",
    help="Head of the Ray cluster (default: RAY_ADDRESS, or a cluster of this machine alone).",
)
@db_option
@json_option
def run(
    path: Path | None,
    names: tuple[str, ...],
    student: str | None,
    again: bool,
    device: str | None,
    small: bool,
    workers: int | None,
    folder: Path | None,
    engine: str,
    ray_address: str | None,
    db: str | None,
    as_json: bool,
) -> int:
    """Grade the timed tasks among the submissions under PATH (default: submitted/).

    The visible tests run first; what can be loaded is queued, and each device works the queue off: least used
    students first, the reference in between. What was graded before and has not changed is passed over, so an
    interrupted run resumes. Exit code 0; 1 where a task is invalid; 2 where something was not graded, and stays due.
    """
    from grader.cli.grade import GradeRun, engine_of
    from grader.cli.timed import TimedOptions, require_small, with_variant
    from grader.course import select_assignments
    from grader.errors import UsageError

    if ray_address is not None and engine != "ray":
        raise UsageError("only a Ray cluster has an address", where="--ray-address", remedy="add --engine ray")
    course = open_course(db)
    chosen = [each for each in select_assignments(course, names) if each.timed is not None or names]
    ordinary = [each.name for each in chosen if each.timed is None]
    if ordinary:
        raise UsageError(f"{ordinary[0]} is no timed task", remedy=f"run: grader grade -a {ordinary[0]}")
    if not chosen:
        raise UsageError("this course has no timed task", where=course.root, remedy="run: grader grade")
    if small:
        require_small(chosen)
    options = TimedOptions(folder, device, workers, small, "bubblewrap", engine, ray_address, again)
    run = GradeRun(
        with_variant(course, small=small),
        path or course.root / "submitted",
        tuple(each.name for each in chosen),
        student,
        "bubblewrap",
        workers,
        engine_of(engine, ray_address),
        timed=options,
        named=bool(names),
        again=again,
    )
    return run.execute(regrade=False, yes=False, as_json=as_json)
