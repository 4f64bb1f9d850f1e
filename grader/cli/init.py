"""``grader init``: a new course with one small example assignment."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

import click

from grader.cli.common import shown_path
from grader.errors import InfrastructureError, UsageError

# The example's files carry it in the package, so that no tool takes them for modules, tests or settings of ours.
SUFFIX = ".tmpl"


@click.command()
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Name of the course; the folder's name where it is left out.")
def init(directory: Path, name: str | None) -> None:
    """Start a course in DIR (here, where it is left out).

    It has a course.toml and one small assignment, softmax, with all that an assignment can have. `grader generate` and
    `grader verify` accept it as it is. Nothing that exists is overwritten.
    """
    import secrets

    root = Path.cwd() / directory
    name = name if name is not None else root.resolve().name or "Course"
    if not name.strip() or not name.isprintable():
        raise UsageError(f"{name!r} cannot be a course's name", where="--name", remedy="use letters, digits, spaces")
    values = {"@NAME@": _toml_string(name), "@SEED@": str(secrets.randbelow(2**31))}
    files = dict(_example_files(resources.files("grader.generation").joinpath("templates", "course"), PurePosixPath()))
    for path in files:
        if (root / path).exists():
            raise UsageError(
                "it exists already, and nothing is overwritten",
                where=shown_path(root / path),
                remedy="choose another folder: grader init DIR",
            )
    try:
        for path, text in files.items():
            for key, value in values.items():
                text = text.replace(key, value)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            with (root / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise InfrastructureError(
            f"the course cannot be written: {error.strerror}", where=root, remedy="choose a folder that is writable"
        ) from error
    for path in files:
        click.echo(f"wrote {shown_path(root / path)}")
    click.echo("Next, in that folder: grader generate, then grader verify.")


def _example_files(folder: Traversable, prefix: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    """Relative path and text of every file of the example course, in order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _example_files(entry, prefix / entry.name)
        elif entry.name.endswith(SUFFIX):
            yield prefix / entry.name.removesuffix(SUFFIX), entry.read_text(encoding="utf-8")


def _toml_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
