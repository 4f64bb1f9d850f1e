"""``grader data``: the data sets of timed tasks, listed and fetched."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grader.cli.common import GraderGroup, data_option, json_option, print_json, print_table, shown_path

if TYPE_CHECKING:
    from gpu_runner.catalogue import Dataset, File
    from gpu_runner.datasets import Found
    from gpu_runner.fetch import Progress

COMMANDS = {
    "fetch": ("grader.cli.data:fetch", "Download a data set and check it."),
    "list": ("grader.cli.data:list_", "List the data sets and where they lie."),
}
LINES_PER_FILE = 4  # in a log, which nobody watches: a line per quarter


@click.group(cls=GraderGroup, table=COMMANDS, short_help="Fetch and list the data sets of timed tasks.")
def data() -> None:
    """Fetch and list the data sets of timed tasks; the grader ships none of them."""


@click.command(short_help="Download a data set and check it.")
@click.argument("name")
@data_option
@click.option("--mirror", "mirrors", metavar="URL", multiple=True, help="Folder to try first; may be repeated.")
def fetch(name: str, folder: Path | None, mirrors: tuple[str, ...]) -> None:
    """Download the data set NAME into DIR/NAME, check it, and print the folder.

    Files that are there and whole are left alone. A download that was interrupted is resumed.
    """
    from gpu_runner import datasets
    from gpu_runner.fetch import fetch as download
    from grader.errors import ConfigError, UsageError

    try:
        dataset = datasets.find(name)
    except ConfigError as error:
        raise UsageError(error.what, remedy=error.remedy) from error
    root = datasets.data_folder(folder)
    found = datasets.look(dataset, root)
    if not dataset.files:
        if found.problem:
            raise ConfigError(found.problem, where=name, remedy=found.remedy)
        click.echo(f"{dataset.title} are installed; there is nothing to fetch.", err=True)
        return
    present = found.presence is datasets.Presence.PRESENT and found.folder
    target = present or root / name
    with _progress() as progress:
        download(dataset, target, progress, mirrors=mirrors)
    click.echo(shown_path(target))


@click.command("list", short_help="List the data sets and where they lie.")
@data_option
@json_option
def list_(folder: Path | None, as_json: bool) -> None:
    """List the data sets that timed tasks can use, where they lie, and how to get those that are absent.

    Sizes of files are compared; checksums are computed when a data set is first used.
    """
    from gpu_runner.catalogue import CATALOGUE
    from gpu_runner.datasets import data_folder, look

    root = data_folder(folder)
    rows = [(dataset, look(dataset, root)) for dataset in CATALOGUE.values()]
    if as_json:
        print_json([_facts(dataset, found) for dataset, found in rows])
    else:
        print_table(_table(rows))


def _facts(dataset: Dataset, found: Found) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "title": dataset.title,
        "images": dataset.images,
        "shape": dataset.image_shape,
        "classes": dataset.classes,
        "state": found.presence,
        "folder": found.folder and str(found.folder),
        "problem": found.problem,
        "remedy": found.remedy,
    }


def _table(rows: list[tuple[Dataset, Found]]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from grader.reports.text import clean

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title, justify in (("data set", "left"), ("images", "right"), ("shape", "left"), ("classes", "right")):
        table.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # a Literal in a loop
    table.add_column("where", overflow="fold")
    for dataset, found in rows:
        if found.problem:
            where = Text(f"{found.presence}: {clean(found.problem)}")
            where.append(f"\nremedy: {clean(found.remedy)}", style="bold")
        else:
            where = Text(clean(shown_path(found.folder)) if found.folder else "installed with scikit-learn")
        shape = "×".join(map(str, dataset.image_shape))
        table.add_row(Text(dataset.name), f"{dataset.images:,}", shape, str(len(dataset.classes)), where)
    return table


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar per file on a terminal's stderr, some lines per file elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        yield _Bars(bars)


class _Lines:
    """Progress for a log."""

    def __init__(self) -> None:
        self.told: dict[str, int] = {}  # file → the last quarter that got a line

    def advanced(self, file: File, done: int) -> None:
        quarter = LINES_PER_FILE * done // file.size
        if self.told.get(file.name) != quarter:
            self.told[file.name] = quarter
            click.echo(f"{file.name}: {done / 1e6:.1f} of {file.size / 1e6:.1f} MB", err=True)

    def note(self, text: str) -> None:
        click.echo(f"note: {text}", err=True)


class _Bars:
    """Progress on a terminal."""

    def __init__(self, bars: Any) -> None:
        self.bars = bars
        self.tasks: dict[str, Any] = {}

    def advanced(self, file: File, done: int) -> None:
        if file.name not in self.tasks:
            self.tasks[file.name] = self.bars.add_task(file.name, total=file.size)
        self.bars.update(self.tasks[file.name], completed=done)

    def note(self, text: str) -> None:
        self.bars.console.print(f"note: {text}", markup=False, highlight=False, soft_wrap=True)
