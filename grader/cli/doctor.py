"""``grader doctor``: what works on this machine and in this course, and what to do about the rest."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader.cli.common import database_url, db_option, json_option, print_json, waiting

if TYPE_CHECKING:
    from grader.doctor import Finding


@click.command(short_help="Say what works on this machine, and what to do about the rest.")
@json_option
@db_option
def doctor(as_json: bool, db: str | None) -> int:
    """Say what works on this machine and in this course, and what to do about the rest.

    It really starts a sandbox and calls through it, and takes the results database's lock; it changes nothing. Exit
    code 0 where everything that grading needs works, else 2.
    """
    from grader.cli.timed_doctor import timed_findings
    from grader.doctor import State, diagnose

    url = None if db is None else database_url(db)
    with waiting("looking"):
        findings = (*diagnose(Path.cwd(), url), *timed_findings(Path.cwd()))
    problems = sum(finding.state is State.PROBLEM for finding in findings)
    if as_json:
        from dataclasses import asdict

        print_json({"ok": not problems, "findings": [asdict(finding) for finding in findings]})
    else:
        click.echo(_table(findings), nl=False)
        if problems:
            click.echo(f"{problems} problem{'s' * (problems != 1)}: grading does not work here as it is.")
        else:
            click.echo("Everything that grading needs works.")
    return 2 if problems else 0


def _table(findings: Sequence[Finding]) -> str:
    import io

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from grader.reports.terminal import look
    from grader.reports.text import clean

    width, color = look(sys.stdout)
    styles = {"ok": "green", "note": "yellow", "problem": "bold red"}
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        text = Text(clean(finding.detail))
        if finding.remedy:
            text.append(f"\nremedy: {clean(finding.remedy)}", style="bold")
        table.add_row(Text(finding.state, style=styles[finding.state]), Text(finding.name), text)
    console = Console(
        file=io.StringIO(), width=width, force_terminal=color, no_color=not color, highlight=False, legacy_windows=False
    )
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"
