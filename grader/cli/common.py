"""What the commands share: options, opening the course, and the way from an exception to an exit code.

Exit codes: 0; 1 for an invalid task or command line; 2 where something was not graded; 130 after Ctrl-C.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grader.errors import GraderError

if TYPE_CHECKING:
    from rich.table import Table

    from grader.model import Course

Function = TypeVar("Function", bound=Callable[..., Any])

INTERRUPTED = 130  # what a shell reports for a process that SIGINT has ended


class GraderGroup(click.Group):
    """A click group that imports a command's module only when the command runs; groups may hold groups.

    A command returns its exit code, or None for 0. Exceptions of :mod:`grader.errors` are printed as one message and
    decide the exit code; any other exception is a bug and keeps its traceback. Both are for the outermost group to do:
    click calls ``main`` of that one alone.

    :param table: command name → (``module:attribute``, one-line help).
    """

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.table.items()])

    def main(  # type: ignore[override]  # it never returns, with standalone_mode or without
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> None:
        """Run the command line and exit."""
        extra["standalone_mode"] = False
        try:
            code = super().main(args=args, prog_name=prog_name, **extra)
            sys.stdout.flush()
            sys.exit(code if isinstance(code, int) else 0)
        except GraderError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(error.exit_code)
        except click.ClickException as error:
            error.show()
            sys.exit(1)
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            # The reader (`| head`) has gone. Python would complain once more when it flushes stdout at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


def assignments_argument(function: Function) -> Function:
    """``[ASSIGNMENT]…`` as the parameter ``assignments``, a tuple of names; empty means all."""
    return click.argument("assignments", nargs=-1, metavar="[ASSIGNMENT]...")(function)


def json_option(function: Function) -> Function:
    """``--json`` as the parameter ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for a program to read.")(function)


def db_option(function: Function) -> Function:
    """``--db URL`` as the parameter ``db``; None means course.toml's."""
    return click.option(
        "--db", metavar="URL", help="Results database instead of course.toml's, e.g. sqlite:///other.sqlite"
    )(function)


def data_option(function: Function) -> Function:
    """``--data DIR`` as the parameter ``folder``; None means $GRADER_DATA or the cache."""
    return click.option(
        "--data",
        "folder",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the data sets' files instead of GRADER_DATA or the cache.",
    )(function)


def open_course(db: str | None = None) -> Course:
    """Load the course that the working directory belongs to.

    :param db: database URL that takes the place of course.toml's; an SQLite file relative to the working directory.
    :raises UsageError: there is no course here, or ``db`` is no URL.
    :raises ConfigError: the course is invalid.
    """
    import dataclasses

    from grader.course import find_course, load_course

    course = load_course(find_course(Path.cwd()))
    return course if db is None else dataclasses.replace(course, database=database_url(db))


def database_url(db: str) -> str:
    """The value of ``--db`` with an SQLite file relative to the working directory made absolute.

    :raises UsageError: it is no URL.
    """
    from grader.course import absolute_database
    from grader.errors import UsageError

    try:
        return absolute_database(db, Path.cwd())
    except ValueError as error:
        raise UsageError(str(error), where="--db", remedy="write sqlite:///FILE or another database's URL") from error


def waiting(what: str) -> contextlib.AbstractContextManager[object]:
    """Show on a terminal's stderr that something takes its time; elsewhere nothing."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)


def print_table(table: Table) -> None:
    """Print a rich table as wide as the terminal, with colour where there is one, without spaces at the ends."""
    import io

    from rich.console import Console

    from grader.reports.terminal import look

    width, color = look(sys.stdout)
    console = Console(
        file=io.StringIO(), width=width, force_terminal=color, no_color=not color, highlight=False, legacy_windows=False
    )
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_json(value: object) -> None:
    """Print a value as JSON with a stable order of keys."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True))


def shown_path(path: Path) -> str:
    """A path as a person wants it: relative to the working directory where it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
