"""The documents: links lead somewhere, files and make targets that they name exist, tables are complete."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from grader.model import Limits, Outcome, Status, TestResult
from grader.reports.terminal import _NO_MARK
from grader.reports.text import OUTCOME_WORDS, STATUS_WORDS, outcome_of
from grader.sandbox.bubblewrap import Bubblewrap
from grader.sandbox.unsafe_subprocess import UnsafeSubprocess

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RECORDS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "changelog.d/README.md")),
    *sorted(DOCS.rglob("*.md")),
]
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
NUMBERS = {3: "three", 5: "five", 6: "six", 9: "nine", 14: "fourteen"}


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What its headings are called in links, by GitHub's rule."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.is_file(), f"{page}: there is no {target}"
        assert not anchor or anchor in anchors(file), f"{page}: {file.name} has no heading #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    packages = {path.name for path in (ROOT / "grader").iterdir() if path.is_dir()}
    for name in re.findall(r"`((?:[\w.]+/)+[\w.]+\.(?:py|css|j2))`", prose(page)):
        first = name.partition("/")[0]
        if first in packages:
            assert (ROOT / "grader" / name).is_file(), f"{page} names {name}"
        elif first in ("grader", "tests", "gpu_runner", "benchmarks"):
            assert (ROOT / name).is_file(), f"{page} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"(?:^\$ |`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= targets


def test_the_readme_begins_with_the_two_commands() -> None:
    commands = re.findall(r"^\$ (make \w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert commands == ["make demo", "make test"]


def test_the_readme_counts_the_assignments() -> None:
    tables = [tomllib.loads(path.read_text(encoding="utf-8")) for path in ROOT.glob("solutions/*/assignment.toml")]
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    timed = sum("timed" in table for table in tables)
    assert f"{NUMBERS[len(tables)].capitalize()} assignments come with it" in text
    assert f"{NUMBERS[timed]} of them are trained against the clock" in text


def test_the_readme_counts_mistakes_and_alternatives() -> None:
    """In round figures, which a new mistake does not make wrong; half as many again should be told."""
    counts = (
        len(list(ROOT.glob("autotests/*/mistakes/*.py"))),
        len([path for ending in ("py", "ipynb") for path in ROOT.glob(f"autotests/*/alternatives/*.{ending}")]),
    )
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    told = re.search(r"more than (\d+) mistakes and (\d+) alternatives", text)
    assert told
    for count, least in zip(counts, map(int, told.groups()), strict=True):
        assert least < count < 1.5 * least


def test_the_design_says_where_each_limit_is_enforced() -> None:
    text = (DOCS / "design.md").read_text(encoding="utf-8")
    table = text.partition("## Where each limit is enforced")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(field.name for field in dataclasses.fields(Limits))


def test_the_design_counts_the_guarantees_of_the_sandboxes() -> None:
    text = (DOCS / "design.md").read_text(encoding="utf-8")
    assert f"`bubblewrap` declares all {NUMBERS[len(Bubblewrap.guarantees)]}." in text
    assert f"`subprocess` declares {NUMBERS[len(UnsafeSubprocess.guarantees)]} " in text


def test_the_layers_are_those_that_are_held() -> None:
    held = (ROOT / ".importlinter").read_text(encoding="utf-8").partition("layers =\n")[2].partition("\n\n")[0]
    layers = [line.strip().strip("()").replace(" | ", ", ") for line in held.splitlines()]
    text = (DOCS / "design.md").read_text(encoding="utf-8").partition("## Layers")[2]
    drawn = re.findall(r"^(\w+(?:, \w+)*) {2,}\S", text, re.MULTILINE)
    assert drawn == layers


@pytest.mark.parametrize(
    ("begin", "end", "attacks"),
    [
        ("## Defences", "### Timed training", "submissions"),
        ("### Timed training", "### What the student gets to read", "timed/submissions"),
    ],
)
def test_the_threat_model_names_every_attack_and_no_other(begin: str, end: str, attacks: str) -> None:
    text = (DOCS / "threat-model.md").read_text(encoding="utf-8")
    table = text.partition(begin)[2].partition(end)[0]
    cells = re.findall(r"^\| .* \| ([^|]+) \|$", table, re.MULTILINE)
    named = {name.strip() for cell in cells for name in cell.split(",")} - {"shown by"}
    files = [name.strip("`") for name in named if name.startswith("`") and name != "`grader verify`"]
    assert all((ROOT / name).is_file() for name in files)
    folder = ROOT / "tests" / "attacks" / attacks
    there = {path.stem for path in folder.iterdir() if not path.name.startswith(("__", "."))}
    assert {name for name in named if not name.startswith("`")} == there


def test_feedback_tells_every_status_and_outcome_in_the_words_of_the_reports() -> None:
    text = (DOCS / "feedback.md").read_text(encoding="utf-8")
    submissions, tests = text.partition("## A submission")[2].split("## A test")
    assert re.findall(r"^\| (?!status)([a-z ]+) \|", submissions, re.MULTILINE) == list(STATUS_WORDS.values())
    told = re.findall(r"^\| (?!outcome|line)([a-z ]+) \| ([a-z ]+) \|", tests, re.MULTILINE)
    assert told == [(outcome.value, words) for outcome, words in OUTCOME_WORDS.items()]
    assert list(STATUS_WORDS) == list(Status)
    assert list(OUTCOME_WORDS) == list(Outcome)


def test_feedback_tells_the_words_of_timed_lines() -> None:
    text = (DOCS / "feedback.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(accuracy|time)` \| ([a-z ]+) \| ([a-z ]+) \|", text, re.MULTILINE)
    assert len(told) >= 6
    for line, outcome, words in told:
        assert outcome_of(TestResult(line, "", 1.0, 0.0, Outcome(outcome))) == words


def test_the_signs_of_the_class_table_are_told() -> None:
    text = (DOCS / "feedback.md").read_text(encoding="utf-8")
    for status, sign in _NO_MARK.items():
        assert f"| {STATUS_WORDS[status]} | `{sign}` |" in text


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_is_short_and_complete(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 25
    assert re.match(rf"# {int(record.name[:4])}\. ", text)
    parts = [text.index(f"**{part}.**") for part in ("Context", "Decision", "Consequences")]
    assert parts == sorted(parts)


def test_the_index_of_decisions_is_complete() -> None:
    index = re.findall(r"^- \[(\d{4})\]\((\S+)\) (.*)$", (DOCS / "decisions" / "README.md").read_text(), re.MULTILINE)
    titles = [record.read_text(encoding="utf-8").splitlines()[0].partition(". ")[2] for record in RECORDS]
    assert index == [(r.name[:4], r.name, title) for r, title in zip(RECORDS, titles, strict=True)]


def test_each_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(each for name in extras for each in extras[name])]
    records = list((DOCS / "decisions").glob("*-dependencies*.md"))
    assert len(records) == 3
    text = "\n".join(record.read_text(encoding="utf-8") for record in records)
    for requirement in wanted:
        name = re.match(r"[\w-]+", requirement)
        assert name is not None
        assert re.search(rf"\b{re.escape(name[0])}\b", text), f"no reason is given for {name[0]}"
