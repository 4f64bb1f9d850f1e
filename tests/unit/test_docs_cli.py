"""docs/cli.md and the README tell of every command and option, and of none that there is not; each has its help."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from grader.cli.common import GraderGroup
from grader.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cli.md"
README = ROOT / "README.md"
TABLE_ROW = re.compile(r"^\| ((?:`-[\w-]+`(?:, )?)+) \| (.*) \|$", re.MULTILINE)
INNER_ROW = re.compile(r"^\| \[`(\w+ \w+)`\]\([^)]*\) \| (.*) \|$", re.MULTILINE)  # a command in a group
COMMAND_ROW = re.compile(r"^\| \[?`(?:grader )?(\w+)`(?:\]\([^)]*\))? \| (.*) \|$", re.MULTILINE)


def context(name: str) -> click.Context:
    """The context in which click runs the command: ``name`` is "grade", or "data fetch" for one in a group."""
    found = click.Context(main, info_name="grader")
    for word in name.split():
        group = found.command
        assert isinstance(group, click.Group)
        inner = group.get_command(found, word)
        assert inner is not None, f"grader {name}: there is no {word}"
        found = click.Context(inner, parent=found, info_name=word)
    return found


def command(name: str) -> click.Command:
    return context(name).command


def names() -> list[str]:
    """Every command, a group before the commands in it."""
    listed = []
    for name in COMMANDS:
        found = command(name)
        inner = found.table if isinstance(found, GraderGroup) else {}
        listed += [name, *(f"{name} {below}" for below in inner)]
    return listed


def section(name: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^## grader {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{PAGE} has no section `## grader {name}`"
    return found[1]


@pytest.mark.parametrize("name", names())
def test_a_command_has_help_and_so_has_each_of_its_options(name: str) -> None:
    assert len((command(name).help or "").split()) > 3
    for parameter in command(name).params:
        if isinstance(parameter, click.Option):
            assert len((parameter.help or "").split()) > 1, f"grader {name} {parameter.opts[0]} has no help"


@pytest.mark.parametrize("name", names())
def test_a_command_is_documented_with_its_usage_and_all_its_options(name: str) -> None:
    text = section(name)
    assert f"```text\n{command(name).get_usage(context(name))}\n```" in text
    documented = {tuple(re.findall(r"`(-[\w-]+)`", options)): words for options, words in TABLE_ROW.findall(text)}
    options = [tuple(p.opts) for p in command(name).params if isinstance(p, click.Option)]
    assert list(documented) == options
    assert all(len(words.split()) > 1 for words in documented.values())


@pytest.mark.parametrize("name", [name for name in COMMANDS if isinstance(command(name), GraderGroup)])
def test_a_group_is_documented_with_its_commands(name: str) -> None:
    group = command(name)
    assert isinstance(group, GraderGroup)
    told = {f"{name} {inner}": words for inner, (_, words) in group.table.items()}
    assert dict(INNER_ROW.findall(section(name))) == told
    for inner, words in told.items():
        assert command(inner).short_help in (None, words)
        assert command(inner).name == inner.split()[-1]


def test_there_is_no_section_without_a_command() -> None:
    sections = re.findall(r"^## grader (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == names()


@pytest.mark.parametrize("page", [PAGE, README], ids=lambda path: path.name)
def test_the_table_of_commands_says_what_the_program_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert COMMAND_ROW.findall(text) == [(name, words) for name, (_, words) in COMMANDS.items()]


def test_the_short_help_of_a_command_is_the_line_in_the_list() -> None:
    for name, (_, words) in COMMANDS.items():
        short = command(name).short_help
        assert short in (None, words), f"grader {name} says {short!r} of itself, the list of commands {words!r}"


def test_every_exit_code_is_documented() -> None:
    from grader.cli.common import INTERRUPTED
    from grader.errors import InfrastructureError, TaskError, UsageError

    text = PAGE.read_text(encoding="utf-8").partition("## Exit codes")[2].partition("\n## ")[0]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert told == {0, TaskError.exit_code, UsageError.exit_code, InfrastructureError.exit_code, INTERRUPTED}
