"""docs/writing-an-assignment.md: tables are the code's, examples run, the assignment passes ``grader verify``."""

from __future__ import annotations

import dataclasses
import doctest
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import grader.testing
from grader.course import penalty
from grader.course.late import DAY, KEYS, MINUTE, read_late
from grader.course.load import ASSIGNMENT_KEYS, COURSE_KEYS
from grader.course.table import Table
from grader.grading.adversaries import ADVERSARIES
from grader.model import LatePolicy, Limits

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "writing-an-assignment.md"
FILE = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE_KEY = re.compile(r"^\| `(\w+)` \| ([^|]*) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def section(page: str, heading: str) -> str:
    """The prose between a heading and the next heading of any level, code blocks left out."""
    prose = re.sub(r"^ *```.*?^ *```$", "", page, flags=re.MULTILINE | re.DOTALL)
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", prose, re.MULTILINE | re.DOTALL)
    assert found, f"{PAGE} has no section {heading!r}"
    return found[1]


def test_the_table_of_limits_is_the_dataclass(page: str) -> None:
    documented = dict(TABLE_KEY.findall(section(page, "Limits")))
    assert documented == {field.name: str(field.default) for field in dataclasses.fields(Limits)}


@pytest.mark.parametrize(("heading", "keys"), [("course.toml", COURSE_KEYS), ("assignment.toml", ASSIGNMENT_KEYS)])
def test_the_tables_of_keys_are_those_that_load(page: str, heading: str, keys: tuple[str, ...]) -> None:
    assert [key for key, _ in TABLE_KEY.findall(section(page, heading))] == list(keys)


def test_the_table_of_late_work_is_the_dataclass(page: str) -> None:
    documented = {key: default.strip("- ") for key, default in TABLE_KEY.findall(section(page, "Late work"))}
    assert tuple(documented) == KEYS == tuple(field.name for field in dataclasses.fields(LatePolicy))
    defaults = {field.name: field.default for field in dataclasses.fields(LatePolicy)}
    assert documented == {name: "never" if value is None else f"{value:g}" for name, value in defaults.items()}


def test_the_example_of_late_work_is_right(page: str) -> None:
    (example,) = re.findall(r"^```toml\n(\[late\]\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    policy = read_late(Table(PAGE, example, tomllib.loads(example)["late"]))
    told = re.search(r"(\d) points become ([\d.]+) .* 16 minutes late, ([\d.]+) after one day and 16 minutes", page)
    assert told
    score, *left = map(float, told.groups())
    lost = [penalty(policy, score, seconds) for seconds in (16 * MINUTE, DAY + 16 * MINUTE, 8 * DAY)]
    assert [score - (each or 0) for each in lost] == [*left, 0.0]


def test_every_helper_has_its_paragraph(page: str) -> None:
    documented = set(re.findall(r"\*\*`(\w+)\(", section(page, "Helpers of grader.testing")))
    assert documented == set(grader.testing.__all__) - {"VJP"}  # what vjp returns, told there


def test_the_adversaries_are_all_told(page: str) -> None:
    told = section(page, "Proving a suite: mistakes, alternatives, adversaries")
    words = {
        "None": "None",
        "0": "0,",
        "NaN": "NaN",
        "an empty array": "an empty array",
        "an empty tuple": "an empty tuple",
        "zeros that broadcast": "a zero or a one of shape (1, 1)",
        "ones that broadcast": "a zero or a one of shape (1, 1)",
        "an opaque handle": "an opaque handle",
        "its arguments": "the call's arguments",
        "its first argument": "its first argument",
        "the right values with one more axis": "the right values with one more axis",
        "ValueError": "a ValueError is raised",
    }
    assert list(words) == list(ADVERSARIES)
    text = " ".join(told.split())
    for words_of_one in words.values():
        assert words_of_one in text


def test_the_examples_of_the_helpers_run(page: str) -> None:
    pytest.importorskip("torch", reason="the examples use torch; install the torch extra")
    blocks = re.findall(r"^```pycon\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 10
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    results = doctest.DocTestRunner().run(example, out=said.append)
    assert results.failed == 0, "".join(said)


def test_the_assignment_generates_and_is_proven(page: str, tmp_path: Path) -> None:
    root = tmp_path / "a 'course'"
    files = dict(FILE.findall(section_of_example(page)))
    assert len(files) == 8
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    assert "wrote    assignments/smoothing/smoothing.py\n" in run_grader(root, "generate")
    (row,) = [line for line in page.splitlines() if line.startswith("│ smoothing")]
    assert f"{row}\n" in run_grader(root, "verify", "--seeds", "3")


def section_of_example(page: str) -> str:
    """The example goes over headings of its own Markdown cells, so it is cut by the page's next heading."""
    start, end = page.index("## An assignment from end to end\n"), page.index("## The source: cells")
    return page[start:end]


def run_grader(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from grader.cli.main import main; main()", *arguments],
        cwd=root, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
