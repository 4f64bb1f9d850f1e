"""course.toml, assignment.toml and the roster: what loads, and the words, line and remedy of what does not."""

from __future__ import annotations

import datetime
import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy

from grader.course import absolute_database, find_course, load_course, select_assignments, unsafe_folder_name
from grader.errors import ConfigError, UsageError
from grader.model import Environment, Limits, ShownAs, Student

COURSE = """\
name = "Deep “learning”"
seed = 7
roster = "roster.csv"

[limits]
cpu_seconds = 2
memory_mb = 512
"""
ASSIGNMENT = """\
title = "First"
summary = "Begin."
environment = "numpy"
points = 4.5
order = 2
due = 2026-10-05T23:59:00+02:00

[limits]
memory_mb = 256
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A valid course of two assignments under an odd path."""
    root = tmp_path / "it's a \"course\" 100%?"
    for name, order in (("first", 2), ("second", 1)):
        folder = root / "solutions" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.py").write_text("")
        (folder / "assignment.toml").write_text(ASSIGNMENT.replace("order = 2", f"order = {order}"))
    (root / "solutions" / "notes").mkdir()
    (root / "course.toml").write_text(COURSE, encoding="utf-8")
    (root / "roster.csv").write_text('id,name\nanna,"Müller, Anna"\n\nb.o-2,\n', encoding="utf-8-sig")
    return root


def test_a_valid_course_loads_in_order_with_its_limits_overlaid(root: Path) -> None:
    course = load_course(root)
    assert (course.name, course.seed, course.root) == ("Deep “learning”", 7, root.resolve())
    assert course.roster == (Student("anna", "Müller, Anna"), Student("b.o-2", ""))
    assert [assignment.name for assignment in course.assignments] == ["second", "first"]
    first = course.assignments[1]
    assert first.environment is Environment.NUMPY
    assert first.points == 4.5
    assert first.limits == Limits(cpu_seconds=2.0, memory_mb=256)
    assert isinstance(first.limits.cpu_seconds, float)
    assert first.due == datetime.datetime(2026, 10, 5, 23, 59, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    assert first.hidden_suite == root.resolve() / "autotests" / "first" / "test_hidden.py"


def test_leaderboards_hide_names_unless_the_course_says_otherwise(root: Path) -> None:
    assert load_course(root).leaderboard is ShownAs.PSEUDONYMS
    with (root / "course.toml").open("a", encoding="utf-8") as file:
        file.write('\n[leaderboard]\nstudents = "names"\n')
    assert load_course(root).leaderboard is ShownAs.NAMES


def test_the_default_database_is_a_file_beside_course_toml_even_under_an_odd_path(root: Path) -> None:
    engine = sqlalchemy.create_engine(load_course(root).database)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (x INTEGER)"))
    engine.dispose()
    with sqlite3.connect(root / "grader.sqlite") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    connection.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///a/b.sqlite?timeout=3", "sqlite:////base/a/b.sqlite?timeout=3"),
        ("sqlite+pysqlite:///b.sqlite", "sqlite+pysqlite:////base/b.sqlite"),
        ("sqlite:////srv/b.sqlite", "sqlite:////srv/b.sqlite"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://u:p@host/db", "postgresql://u:p@host/db"),
    ],
)
def test_only_relative_sqlite_files_are_made_absolute(url: str, expected: str) -> None:
    assert absolute_database(url, Path("/base")) == expected


def fails(root: Path, *, where: str, what: str, remedy: str) -> None:
    """Assert that loading fails with these words (regular expressions) and names the place ``where`` below root."""
    with pytest.raises(ConfigError) as caught:
        load_course(root)
    error = caught.value
    assert error.where == f"{root.resolve()}/{where}"
    assert re.search(what, error.what), error.what
    assert re.search(remedy, error.remedy), error.remedy
    assert error.exit_code == 1


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "remedy"),
    [
        ("seed = 7", "sede = 7", 2, 'unknown key "sede"', 'did you mean "seed"'),
        ("seed = 7\n", "", None, '"seed" is missing', "seed = "),
        ("seed = 7", 'seed = "7"', 2, '"seed" is a string', "an integer"),
        ("seed = 7", "seed = true", 2, "a boolean", "an integer"),
        ("seed = 7", "seed = -1", 2, "-1", "from 0"),
        ("seed = 7", "seed = ", 2, "not valid TOML", "correct this line"),
        ("seed = 7", "seed = 7\nseed = 8", 3, "not valid TOML", "correct this line"),
        ("seed = 7", "seed = 7\ndatabase = 'grader.sqlite'", 3, "not a database URL", "SQLite"),
        ('name = "Deep “learning”"', 'name = " "', 1, '"name" is empty', "name = "),
        ('name = "Deep “learning”"', "name = [\n  1,\n]", 1, '"name" is an array', "a string"),
        ("cpu_seconds = 2", "cpu_secnds = 2", 6, '"limits.cpu_secnds"', 'did you mean "cpu_seconds"'),
        ("cpu_seconds = 2", "cpu_seconds = 0", 6, '"limits.cpu_seconds" is 0', "above 0"),
        ("cpu_seconds = 2", "cpu_seconds = nan", 6, "nan", "above 0"),
        ("cpu_seconds = 2", "cpu_seconds = inf", 6, "inf", "at most"),
        ("memory_mb = 512", "memory_mb = 0.5", 7, '"limits.memory_mb" is a float', "an integer"),
        ("[limits]\ncpu_seconds = 2\nmemory_mb = 512", "limits = 3", 5, '"limits" is an integer', "a table"),
        ("[limits]", '[leaderboard]\nstudents = "pseudonym"\n[limits]', 6, '"pseudonym"', 'did you mean "pseudonyms"'),
        ("[limits]", "[leaderboard]\nstudents = true\n[limits]", 6, "a boolean", "a string"),
        ("[limits]", '[leaderboard]\nnames = "ids"\n[limits]', 6, '"leaderboard.names"', "known are: students"),
        ("[limits]\ncpu_seconds = 2", "[sandbox]", 5, 'unknown key "sandbox"', "known are: .*limits"),
    ],
)
def test_a_wrong_course_toml_names_line_key_and_remedy(
    root: Path, old: str, new: str, line: int | None, what: str, remedy: str
) -> None:
    path = root / "course.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    fails(root, where=f"course.toml:{line}" if line else "course.toml", what=what, remedy=remedy)


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "remedy"),
    [
        ("title", "titel", 1, 'unknown key "titel"', 'did you mean "title"'),
        ('"numpy"', '"pytorch"', 3, '"environment" is "pytorch"', 'did you mean "torch"'),
        ("points = 4.5", "points = 0", 4, '"points" is 0', "above 0"),
        ("order = 2", "order = 0", 5, '"order" is 0', "from 1"),
        ("order = 2", "order = 1", 5, "as in first|as in second", "another place"),
        ("due = 2026-10-05T23:59:00+02:00", "due = 2026-10-05", 6, '"due" is a date', "without quotes"),
        ("due = 2026-10-05T23:59:00+02:00", "due = 2026-10-05T23:59:00", 6, "no offset from UTC", "behind the time"),
        ("due = 2026-10-05T23:59:00+02:00", 'due = "soon"', 6, '"due" is a string', "without quotes"),
        ("memory_mb = 256", "memory_mb = 10000000", 9, "10000000", "to 1000000"),
        ("memory_mb = 256", "submission_mb = 129", 9, "129", "to 128"),
    ],
)
def test_a_wrong_assignment_toml_names_line_key_and_remedy(
    root: Path, old: str, new: str, line: int, what: str, remedy: str
) -> None:
    path = root / "solutions" / "first" / "assignment.toml"
    path.write_text(path.read_text().replace(old, new))
    where = "second" if "as in" in what else "first"  # of equal orders the later name is reported
    fails(root, where=f"solutions/{where}/assignment.toml:{line}", what=what, remedy=remedy)


def test_a_key_inside_a_multiline_string_is_not_taken_for_the_key(root: Path) -> None:
    path = root / "solutions" / "first" / "assignment.toml"
    text = path.read_text().replace("order = 2", "order = 0")
    path.write_text(text.replace('"Begin."', '"""\nBegin.\norder = 3\n"""'))
    fails(root, where="solutions/first/assignment.toml:8", what='"order" is 0', remedy="from 1")


def test_missing_files_are_named(root: Path) -> None:
    (root / "roster.csv").unlink()
    fails(root, where="roster.csv", what="no such file", remedy="remove `roster`")
    (root / "roster.csv").write_text("id,name\na,A\n")
    (root / "solutions" / "first" / "first.py").unlink()
    fails(root, where="solutions/first/first.py", what="no such file", remedy="write the solution")
    (root / "course.toml").unlink()
    fails(root, where="course.toml", what="no such file", remedy="grader init")


def test_files_that_are_no_text_are_named(root: Path) -> None:
    (root / "course.toml").write_bytes(b"\xff\xfe")
    fails(root, where="course.toml", what="not UTF-8", remedy="save it as UTF-8")
    (root / "course.toml").unlink()
    (root / "course.toml").mkdir()
    fails(root, where="course.toml", what="cannot be read", remedy="readable")


@pytest.mark.parametrize("name", ["two words", "class", "json", "2nd"])
def test_an_assignment_that_cannot_be_a_module_is_refused(root: Path, name: str) -> None:
    (root / "solutions" / "first").rename(root / "solutions" / name)
    fails(root, where=f"solutions/{name}", what="cannot be the name of the module", remedy="identifier")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("anna,Anna\n", 1, 'the header is "anna,Anna"'),
        ("id,name\nanna,Anna\nanna,Other\n", 3, "stands on line 2 already"),
        ("id,name\n../anna,Anna\n", 2, 'it holds "/"'),
        ("id,name\n,Anna\n", 2, "it is empty"),
        ("id,name\nanna\n", 2, "1 fields"),
        ("id,name\nanna,Anna,x\n", 2, "3 fields"),
        ('id,name\nanna,"An"na\n', 2, "not valid CSV"),
        ('id,name\na,"two\nlines"\n.b,B\n', 4, "starts with a dot"),
        ("id,name\n", None, "no student"),
        ("", None, "no student"),
    ],
)
def test_a_wrong_roster_names_its_line(root: Path, text: str, line: int | None, what: str) -> None:
    (root / "roster.csv").write_text(text)
    fails(root, where=f"roster.csv:{line}" if line else "roster.csv", what=what, remedy=".")


@pytest.mark.parametrize("name", ["anna", "a.b", "Ana María", "O'Neil", "李", "a" * 100])
def test_safe_folder_names(name: str) -> None:
    assert unsafe_folder_name(name) == ""


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-rf", " a", "a ", "a/b", "a\\b", "a\0", "a\nb", "a\u202eb", "a" * 101]
)
def test_unsafe_folder_names(name: str) -> None:
    assert unsafe_folder_name(name) != ""


def test_the_course_is_found_from_below_and_its_absence_has_a_remedy(root: Path, tmp_path: Path) -> None:
    assert find_course(root / "solutions" / "first") == root.resolve()
    with pytest.raises(UsageError, match=r"no course\.toml here") as caught:
        find_course(tmp_path)
    assert "grader init" in caught.value.remedy


def test_assignments_are_selected_in_the_courses_order(root: Path) -> None:
    course = load_course(root)
    assert select_assignments(course, ()) == course.assignments
    assert select_assignments(course, ["first", "second", "first"]) == course.assignments
    with pytest.raises(UsageError, match='no assignment "frist"') as caught:
        select_assignments(course, ["frist"])
    assert caught.value.remedy == 'did you mean "first"?'
