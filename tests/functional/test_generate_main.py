"""The command group: help without imports, exit codes, the way of an error to the terminal."""

from __future__ import annotations

import resource
import subprocess
import sys
import sysconfig
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from grader.cli.common import INTERRUPTED, GraderGroup, open_course
from grader.cli.main import COMMANDS, main
from grader.errors import ConfigError, SandboxUnavailable, UsageError

NAMES = ["init", "generate", "check", "verify", "grade", "show", "report", "export"]
NAMES += ["data", "gpu", "nbgrader", "doctor", "demo"]
HELP_SECONDS = 0.150  # CPU seconds, whole process; the wall clock would also measure what else the machine does


def test_the_help_lists_every_command_and_imports_none() -> None:
    assert list(COMMANDS) == NAMES
    program = (
        "import sys\n"
        "from grader.cli.main import main\n"
        "try:\n    main(['--help'])\n"
        "finally:\n    print(*[m for m in sys.modules if m.startswith('grader.') or m.split('.')[0] in\n"
        "    ('numpy', 'pytest', 'sqlalchemy', 'rich', 'jinja2', 'torch', 'nbformat', 'tomllib')])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    *lines, modules = done.stdout.splitlines()
    for name, (_, text) in COMMANDS.items():
        assert any(line.split() == [name, *text.split()] for line in lines), name
    assert set(modules.split()) == {"grader.cli", "grader.cli.common", "grader.cli.main", "grader.errors"}


def test_the_help_is_there_at_once() -> None:
    program = Path(sysconfig.get_path("scripts")) / "grader"
    command = [str(program)] if program.exists() else [sys.executable, "-c", "from grader.cli.main import main; main()"]
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*command, "--help"], stdout=subprocess.DEVNULL, check=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < HELP_SECONDS


@click.command()
@click.argument("what")
@click.pass_context
def act(ctx: click.Context, what: str) -> int | None:
    errors = {
        "task": ConfigError("bad", where="course.toml:3", remedy="mend it"),
        "usage": UsageError("unknown"),
        "infrastructure": SandboxUnavailable("no bubblewrap"),
        "interrupt": KeyboardInterrupt(),
        "abort": click.Abort(),
        "pipe": BrokenPipeError(),
        "bug": ZeroDivisionError(),
    }
    if what in errors:
        raise errors[what]
    if what == "exit":
        ctx.exit(2)
    return 1 if what == "one" else None


group = GraderGroup(name="x", table={"act": (f"{__name__}:act", "Act.")}, callback=lambda: None)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or type(sys)(__name__))
    monkeypatch.setattr(sys.modules[__name__], "act", act, raising=False)


@pytest.mark.parametrize(
    ("what", "code", "stderr"),
    [
        ("fine", 0, ""),
        ("one", 1, ""),
        ("exit", 2, ""),
        ("task", 1, "error: course.toml:3: bad\n  remedy: mend it\n"),
        ("usage", 1, "error: unknown\n"),
        ("infrastructure", 2, "error: no bubblewrap\n"),
        ("interrupt", INTERRUPTED, "interrupted\n"),
        ("abort", INTERRUPTED, "interrupted\n"),
    ],
)
def test_every_ending_has_its_exit_code_and_message(what: str, code: int, stderr: str) -> None:
    result = CliRunner().invoke(group, ["act", what])
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.endswith(stderr)
    assert "Traceback" not in result.output


def test_a_bug_keeps_its_traceback() -> None:
    assert isinstance(CliRunner().invoke(group, ["act", "bug"]).exception, ZeroDivisionError)


@pytest.mark.parametrize("arguments", [["act"], ["act", "a", "b"], ["act", "--nosuch"], ["nosuch"]])
def test_a_wrong_command_line_exits_1(arguments: list[str]) -> None:
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 1
    assert "Usage:" in result.stderr


def test_the_version_is_told() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("grader, version ")


def test_a_reader_that_leaves_early_ends_it_quietly() -> None:
    program = "import sys\nfrom grader.cli.main import main\nsys.stdin.read()\nmain(['--help'])"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdout.close()  # before it has written anything
    process.stdin.close()
    stderr = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 1
    assert stderr == b""


def test_db_takes_the_place_of_the_courses_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "course.toml").write_text('name = "c"\nseed = 1\n')
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    root = tmp_path.resolve()
    assert open_course().database == f"sqlite:///{root}/grader.sqlite"
    assert open_course("sqlite:///x.sqlite").database == f"sqlite:///{root}/below/x.sqlite"
    with pytest.raises(UsageError, match="not a database URL"):
        open_course("x.sqlite")
