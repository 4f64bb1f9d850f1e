"""docs/cli.md and the README tell of every command and option, and of none that there is not; each has its help."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from grader.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cli.md"
README = ROOT / "README.md"
TABLE_ROW = re.compile(r"^\| ((?:`-[\w-]+`(?:, )?)+) \| (.*) \|$", re.MULTILINE)
COMMAND_ROW = re.compile(r"^\| \[?`(?:grader )?(\w+)`(?:\]\([^)]*\))? \| (.*) \|$", re.MULTILINE)


def command(name: str) -> click.Command:
    found = main.get_command(click.Context(main, info_name="grader"), name)
    assert found is not None
    return found


def section(name: str) -> str:
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^## grader {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{PAGE} has no section `## grader {name}`"
    return found[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_and_so_has_each_of_its_options(name: str) -> None:
    assert len((command(name).help or "").split()) > 3
    for parameter in command(name).params:
        if isinstance(parameter, click.Option):
            assert len((parameter.help or "").split()) > 1, f"grader {name} {parameter.opts[0]} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_documented_with_its_usage_and_all_its_options(name: str) -> None:
    text = section(name)
    context = click.Context(command(name), parent=click.Context(main, info_name="grader"), info_name=name)
    assert f"```text\n{command(name).get_usage(context)}\n```" in text
    documented = {tuple(re.findall(r"`(-[\w-]+)`", options)): words for options, words in TABLE_ROW.findall(text)}
    options = [tuple(p.opts) for p in command(name).params if isinstance(p, click.Option)]
    assert list(documented) == options
    assert all(len(words.split()) > 1 for words in documented.values())


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
