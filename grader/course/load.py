"""course.toml and solutions/<a>/assignment.toml → one validated :class:`~grader.model.Course`."""

from __future__ import annotations

import dataclasses
import itertools
import keyword
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grader.course.late import read_late
from grader.course.roster import read_roster
from grader.course.table import Table, nearest
from grader.course.timed import read_timed
from grader.errors import ConfigError, UsageError
from grader.model import Assignment, Course, Environment, LatePolicy, Limits, ShownAs

DEFAULT_DATABASE = "sqlite:///grader.sqlite"
COURSE_KEYS = ("name", "seed", "roster", "database", "limits", "leaderboard", "late")
ASSIGNMENT_KEYS = ("title", "summary", "environment", "points", "order", "due", "limits", "timed")
# Far above any sensible value, low enough that every unit conversion (bytes, nanoseconds) stays within 64 bits.
MOST = 1_000_000
# MiB. A submission crosses the wall in one frame, of at most 160 MiB (grader/wall/frames.py).
MOST_SUBMISSION_MB = 128


def find_course(start: Path) -> Path:
    """Return the folder that holds course.toml: ``start`` or the nearest above it, absolute.

    :raises UsageError: there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "course.toml").is_file():
            return folder
    raise UsageError(
        "there is no course.toml here or in a folder above",
        where=start,
        remedy="go to the course's folder, or start a course with: grader init",
    )


def load_course(root: Path) -> Course:
    """Load the course whose course.toml lies in ``root``, with all its assignments in order.

    :raises ConfigError: anything in course.toml, an assignment.toml or the roster is invalid or missing.
    """
    root = root.resolve()
    table = Table.read(root / "course.toml", remedy="start a course with: grader init")
    table.only(COURSE_KEYS)
    limits = _limits(table.table("limits"), Limits())
    roster = read_roster(root / table.string("roster")) if "roster" in table.values else ()
    database = table.string("database", DEFAULT_DATABASE)
    try:
        database = absolute_database(database, root)
    except ValueError as error:
        table.fail("database", str(error), "name an SQLite file or another database")
    return Course(
        name=table.string("name"),
        seed=table.integer("seed", least=0),
        root=root,
        database=database,
        roster=roster,
        assignments=_load_assignments(root, limits),
        leaderboard=_shown_as(table.table("leaderboard")),
        late=read_late(table.table("late")) if "late" in table.values else LatePolicy(),
    )


def select_assignments(course: Course, names: Iterable[str]) -> tuple[Assignment, ...]:
    """Return the named assignments in the course's order; all of them where no name is given.

    :raises UsageError: a name is unknown.
    """
    wanted = set(names)
    known = {assignment.name for assignment in course.assignments}
    for name in sorted(wanted - known):
        raise UsageError(f'there is no assignment "{name}"', remedy=nearest(name, known))
    return tuple(a for a in course.assignments if not wanted or a.name in wanted)


def absolute_database(url: str, base: Path) -> str:
    """Make the file of an SQLite URL absolute, relative to ``base``; every other URL stays as it is.

    >>> absolute_database("sqlite:///grader.sqlite", Path("/srv/course"))
    'sqlite:////srv/course/grader.sqlite'

    :raises ValueError: it is no URL.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme:
        raise ValueError(f'"{url}" is not a database URL like {DEFAULT_DATABASE}')
    if scheme.split("+")[0] != "sqlite" or not rest.startswith("/"):
        return url
    name = rest[1:].partition("?")[0]
    if name in ("", ":memory:") or name.startswith(("/", "file:")):
        return url
    # In a URL these two would start an escape and the options.
    folder = str(base).replace("%", "%25").replace("?", "%3F")
    return f"{scheme}:///{folder}/{rest[1:]}"


def _load_assignments(root: Path, limits: Limits) -> tuple[Assignment, ...]:
    folder = root / "solutions"
    found: list[Assignment] = []
    for path in sorted(folder.glob("*/assignment.toml")):
        found.append(_load_assignment(root, path, limits))
    found.sort(key=lambda assignment: assignment.order)
    for first, second in itertools.pairwise(found):
        if first.order == second.order:
            path = second.solution.parent / "assignment.toml"
            Table.read(path, remedy="").fail(
                "order",
                f'"order" is {second.order}, as in {first.name}',
                "give every assignment another place in the course",
            )
    return tuple(found)


def _load_assignment(root: Path, path: Path, limits: Limits) -> Assignment:
    name = path.parent.name
    if not name.isidentifier() or keyword.iskeyword(name) or name in sys.stdlib_module_names:
        raise ConfigError(
            f'"{name}" cannot be the name of the module that students hand in',
            where=path.parent,
            remedy="rename the folder to a Python identifier that no standard module has, like gradient_descent",
        )
    table = Table.read(path, remedy="")
    table.only(ASSIGNMENT_KEYS)
    environment = table.string("environment")
    if environment not in list(Environment):
        table.fail("environment", f'"environment" is "{environment}"', nearest(environment, list(Environment)))
    solution = path.parent / f"{name}.py"
    if not solution.is_file():
        raise ConfigError("there is no such file", where=solution, remedy="write the solution source in it")
    return Assignment(
        name=name,
        title=table.string("title"),
        summary=table.string("summary"),
        environment=Environment(environment),
        points=table.number("points"),
        limits=_limits(table.table("limits"), limits),
        order=table.integer("order"),
        due=table.moment("due"),
        solution=solution,
        autotests=root / "autotests" / name,
        timed=read_timed(table.table("timed")) if "timed" in table.values else None,
    )


def _shown_as(table: Table) -> ShownAs:
    table.only(("students",))
    shown = table.string("students", ShownAs.PSEUDONYMS.value)
    if shown not in list(ShownAs):
        table.fail("students", f'"leaderboard.students" is "{shown}"', nearest(shown, list(ShownAs)))
    return ShownAs(shown)


def _limits(table: Table, defaults: Limits) -> Limits:
    """Lay the table over the defaults; every limit is a positive number of the field's type."""
    fields = {field.name: getattr(defaults, field.name) for field in dataclasses.fields(Limits)}
    table.only(fields)
    values: dict[str, Any] = {}
    for key in table.values:
        most = MOST_SUBMISSION_MB if key == "submission_mb" else MOST
        values[key] = table.integer(key, most=most) if isinstance(fields[key], int) else table.number(key, most=most)
    return dataclasses.replace(defaults, **values)
