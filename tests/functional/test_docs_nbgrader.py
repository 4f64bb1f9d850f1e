"""docs/nbgrader.md: each command that it names is typed as it stands there, in order, and prints what is shown.

Only the exchange and the folder of a grading machine lie elsewhere. The prompt says who types: ``$`` the instructor,
``anna$`` a student, ``root#`` the administrator.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import textwrap
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from grader.nbgrader_plugin.classroom import MARK
from tests.functional.nbgrader_tools import User, environment, make_users, nbgrader
from tests.functional.test_nbgrader_classroom import RIGHT, write_answers

pytest.importorskip("nbgrader", reason="nbgrader is not installed; install the nbgrader extra")

PAGE = Path(__file__).parents[2] / "docs" / "nbgrader.md"
TEXT = PAGE.read_text(encoding="utf-8")
CLASSIC = Path(__file__).parent / "courses" / "classic" / "source" / "descent"
PROMISE = 600.0  # seconds: "in ten minutes"
EXCHANGE, GRADING_MACHINE = "/srv/nbgrader/exchange", "/srv/course"  # where the page has them

# What no test types, and why.
NOT_RUN = {
    "python3 -m venv ~/grading && . ~/grading/bin/activate": "the tests are run in an environment",
    "pip install -e '.[nbgrader]'": "which is installed",
    "jupyter lab softmax/softmax.ipynb": "a person works there; the test writes the answers",
    "jupyter lab": "test_nbgrader_classroom.py clicks through the formgrader",
    "sysctl user.max_user_namespaces=15000": "the machine's kernel is not the tests'",
    "sysctl kernel.unprivileged_userns_clone=1": "likewise",
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0": "likewise",
    "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    " --security-opt systempaths=unconfined --user grader …": "it needs Docker and an image",
}
MOVING = "Moving an existing course over"
# What needs nothing but the graded class, and changes nothing that others need; it is typed while the rest goes on.
ALONGSIDE = ("grader grade", "nbgrader export")


@dataclass(frozen=True)
class Command:
    """One command of the page, with the lines that it is said to print."""

    section: str
    user: str  # as the prompt names him; empty: the instructor
    typed: str
    prints: tuple[str, ...]


def read_commands(text: str) -> Iterator[Command]:
    """The commands of the console blocks, in order."""
    section, command, prints = "", None, []
    for heading, block in re.findall(r"^## ([^\n]+)$|^ *```console\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        section = heading or section
        for line in re.sub(r" \\\n +", " ", block).splitlines():
            prompt = re.match(r"\s*(\w*)[$#] (.+)", line)
            if prompt is None:
                prints.append(line.strip())
                continue
            if command is not None:
                yield Command(*command, tuple(prints))
            command, prints = (section, *prompt.groups()), []
    if command is not None:
        yield Command(*command, tuple(prints))


COMMANDS = list(read_commands(TEXT))


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder for PYTHONPATH with which nbgrader starts in 0.8 s instead of 1.7.

    jsonschema builds a parser of international addresses, where it finds the package for it; it goes on without.
    """
    folder = tmp_path_factory.mktemp("quick")
    folder.parent.chmod(0o755)
    folder.chmod(0o755)  # for students, who are other users
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules.setdefault('rfc3987_syntax', None)\n", "utf-8")
    return str(folder)


def run(command: str, folder: Path, env: Mapping[str, str], *, code: int = 0) -> str:
    """Type a command in a shell, and return everything that it printed."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=dict(env), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == code, f"{command}\n{done.stdout}"
    return done.stdout


def test_every_command_is_typed_by_a_test_or_has_its_reason() -> None:
    typed = [command.typed for command in COMMANDS]
    assert set(NOT_RUN) <= set(typed), "reasons for commands that the page does not have"
    assert len(typed) > 30
    assert len(re.findall(r"^ *(?:\w+#|\w*\$) ", TEXT, re.MULTILINE)) == len(typed)
    # Both tests below type whatever stands in their sections; a student can do no more than nbgrader lets him.
    assert {command.user for command in COMMANDS} == {"", "anna", "root"}
    for command in COMMANDS:
        if command.user == "anna" and command.typed not in NOT_RUN:
            assert command.typed.startswith("nbgrader ")


def section(heading: str) -> str:
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_the_settings_of_the_sandbox_are_told_with_their_defaults() -> None:
    from grader.nbgrader_plugin.execute import SandboxedExecute

    told: dict[str, str] = {}
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([^|]*) \|", section("Any nbgrader notebook"), re.MULTILINE)
    for names, defaults in rows:
        each = re.findall(r"\w+", names)
        values = [defaults] * len(each) if defaults.startswith("as in") else defaults.split(", ")
        told |= {name: value.strip('`"') for name, value in zip(each, values, strict=True)}
    traits = SandboxedExecute.class_own_traits(config=True)
    assert told.keys() == traits.keys()
    for name, value in told.items():
        default = traits[name].default()
        default = "none" if default is None else f"{default:g}" if isinstance(default, float) else str(default)
        assert value in (default, "as in `Execute"), name


def test_the_settings_of_exports_are_told_with_their_defaults() -> None:
    from grader.nbgrader_plugin.canvas import CanvasExport
    from grader.nbgrader_plugin.exports import GradesExport
    from grader.nbgrader_plugin.moodle import MoodleExport

    page = section("Late work, and marks for Canvas and Moodle")
    found = dict(re.findall(r"^\| `([\w.]+)` \| ([^|]*) \|", page, re.MULTILINE))
    told = {name: value.strip('`"').partition(";")[0] for name, value in found.items()}
    traits = dict(GradesExport.class_own_traits(config=True))
    for cls in (CanvasExport, MoodleExport):
        for name in cls.class_own_traits(config=True).keys() - traits.keys():
            traits[f"{cls.__name__}.{name}"] = cls.class_own_traits()[name]
    assert told == {name: str(trait.default()) or "empty" for name, trait in traits.items()}
    assert found["no_grade"] == f"empty; Moodle: `{MoodleExport().no_grade}`"


def test_the_statement_is_that_of_the_module() -> None:
    from grader.nbgrader_plugin import execute

    [block] = [block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "SandboxedExecute" in block]
    assert textwrap.indent(block, "    ") in f"{execute.__doc__}\n"


def test_from_nothing_to_released_feedback(tmp_path: Path, quick: str) -> None:
    """All sections but the last but one, whose course is another."""
    home, exchange = tmp_path / "it's #1", tmp_path / "exchange"
    home.mkdir()
    [settings] = [block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "c.Exchange.root" in block]
    settings = settings.replace(f'"{EXCHANGE}"', repr(str(exchange)))
    env = environment(tmp_path / "instructor") | {"PYTHONPATH": quick}
    (tmp_path / "instructor" / "config" / "nbgrader_config.py").write_text(settings, encoding="utf-8")
    here = home
    anna: User | None = None
    seconds = 0.0
    later: list[tuple[Command, Future[str]]] = []

    def type_it(command: Command) -> str:
        nonlocal here, anna
        typed = command.typed.replace(EXCHANGE, shlex.quote(str(exchange)))
        typed = typed.replace(GRADING_MACHINE, shlex.quote(str(home / "course")))
        if command.user == "anna":
            if anna is None:  # root has made the exchange by now
                anna = make_users(tmp_path, ["anna"], settings, exchange)["anna"]
                reaches = (*anna.reaches, Path(quick))
                anna = User("anna", anna.number, anna.home, anna.passwd, reaches, anna.env | {"PYTHONPATH": quick})
            done = anna.nbgrader(*shlex.split(typed)[1:])
            return done.stdout + done.stderr
        if typed.startswith("cd "):
            here /= typed.removeprefix("cd ")
            assert here.is_dir()
            return ""
        return run(typed, here, env)

    with ThreadPoolExecutor(max_workers=1) as pool:
        for command in COMMANDS:
            if command.section == MOVING:
                continue
            if command.typed.startswith("jupyter lab softmax/"):
                assert anna is not None
                write_answers(anna.home / "softmax" / "softmax.ipynb", RIGHT)
            elif command.typed in NOT_RUN:
                continue
            elif command.typed.startswith(ALONGSIDE):
                later.append((command, pool.submit(run, command.typed, here, env)))
            else:
                start = time.monotonic()
                check_printed(command, type_it(command))
                if command.section.startswith("From nothing"):
                    seconds += time.monotonic() - start
        for command, printed in later:
            check_printed(command, printed.result())
    assert seconds < PROMISE
    print(f"the commands of the first section took {seconds:.0f} s")

    root = home / "course"
    for name in ("grades.csv", "canvas.csv", "moodle.csv"):
        assert re.search(r"^.*anna.*,8(\.0)?\b", (root / name).read_text(encoding="utf-8"), re.MULTILINE), name
    assert re.search(r"anna +8 +8\n", next(each.result() for command, each in later if command.typed == "grader grade"))
    assert anna is not None
    [page] = (anna.home / "softmax" / "feedback").glob("*/softmax.html")
    assert "passed" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_moving_an_existing_course_over(tmp_path: Path, quick: str) -> None:
    """A classic course with work in it; afterwards its old assignment has the marks that it had."""
    root = tmp_path / "old 'course'"
    env = environment(tmp_path / "instructor") | {"PYTHONPATH": quick}
    shutil.copytree(CLASSIC, root / "source" / "ps1")
    (root / "source" / "ps1" / "descent.ipynb").rename(root / "source" / "ps1" / "ps1.ipynb")
    settings = 'c = get_config()\nc.CourseDirectory.course_id = "deep-learning"\n'
    config = root / "nbgrader_config.py"
    config.write_text(settings, encoding="utf-8")
    nbgrader(root, "generate_assignment", "ps1", env=env)
    for student, given in (("anna", root / "source"), ("ben", root / "release")):
        shutil.copytree(given / "ps1", root / "submitted" / student / "ps1")
    nbgrader(root, "autograde", "ps1", env=env)
    blocks = re.findall(r"```python\n(c\.(?:Autograde|ExchangeF).*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 3
    for command in COMMANDS:
        if command.section != MOVING:
            continue
        if command.typed.startswith("nbgrader autograde"):
            config.write_text(settings + "".join(blocks), encoding="utf-8")
        # "The second stops at your nbgrader_config.py (exit code 1)"
        stops = command.typed.startswith("grader nbgrader init") and not command.typed.endswith("--overwrite")
        check_printed(command, run(command.typed, root, env, code=int(stops)))
    ours, mine = config.read_text(encoding="utf-8").split(f"{MARK}\n")
    for statement in (*blocks, 'c.CourseDirectory.course_id = "deep-learning"\n'):
        assert mine.count(statement) == 1
        mine = mine.replace(statement, "")  # "Delete there what our part now sets"
    config.write_text(f"{ours}{MARK}\n{mine}", encoding="utf-8")
    nbgrader(root, "autograde", "ps1", "--force", env=env)
    nbgrader(root, "export", "--to=moved.csv", env=env)
    assert (root / "moved.csv").read_bytes() == (root / "before.csv").read_bytes()
    graded = nbformat.read(root / "autograded" / "anna" / "ps1" / "ps1.ipynb", as_version=4)
    assert any(cell.get("outputs") for cell in graded.cells)
    nbgrader(root, "generate_assignment", "softmax", env=env)  # of the new course, beside the old one


def check_printed(command: Command, printed: str) -> None:
    """Each line that the page shows has been printed."""
    for line in command.prints:
        assert line in printed, f"{command.typed}\nshould print: {line}\nprinted:\n{printed}"
