"""The marks of a suite, read from its source without importing it: ``@pytest.mark.points(2, title="…")``.

Reading is safe and quick, needs no framework, and gives a line for everything that is wrong.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NoReturn

from grader.course.table import nearest
from grader.course.timed import timed_specs
from grader.errors import SuiteError
from grader.model import Assignment, TestSpec

EXAMPLE = '@pytest.mark.points(2, title="what it checks", hint="where to look")'
KEYWORDS = ("title", "hint", "needs")
TOLERANCE = 1e-6  # points; a sum of marks like 0.1 is not exact


def read_suites(assignment: Assignment) -> tuple[TestSpec, ...]:
    """Read the marks of both suites, the visible tests first; of a timed task then the lines that its runs decide.

    :raises SuiteError: besides what :func:`read_suite` finds: a name in both suites, a ``needs`` that names no test
        or goes round in a circle, a total that differs from assignment.toml's points.
    """
    visible = _read(assignment.visible_suite, visible=True)
    hidden = _read(assignment.hidden_suite, visible=False) if assignment.hidden_suite in assignment.suites else {}
    found = dict(visible)
    for name, (spec, line) in hidden.items():
        where = f"{assignment.hidden_suite}:{line}"
        if name in found:
            raise SuiteError(
                f"{name} stands in test_visible.py too (line {found[name][1]})",
                where=where,
                remedy="give one of the two another name",
            )
        found[name] = spec, line
    for name, (spec, line) in found.items():
        where = f"{assignment.visible_suite if spec.visible else assignment.hidden_suite}:{line}"
        for need in spec.needs:
            if need not in found:
                raise SuiteError(f'{name} needs "{need}", which is no test', where=where, remedy=nearest(need, found))
    try:
        TopologicalSorter({name: spec.needs for name, (spec, _) in found.items()}).prepare()
    except CycleError as error:
        raise SuiteError(
            f"tests need each other in a circle: {' → '.join(error.args[1])}",
            where=assignment.autotests,
            remedy="remove one of these `needs`",
        ) from error
    specs = tuple(spec for spec, _ in found.values())
    if assignment.timed is not None:
        specs += timed_specs(assignment.timed)
    total = sum(spec.points for spec in specs)
    if not math.isclose(total, assignment.points, abs_tol=TOLERANCE):
        raise SuiteError(
            f"the tests' points add up to {total:g}, but assignment.toml says {assignment.points:g}",
            where=assignment.solution.parent / "assignment.toml",
            remedy=f"write points = {total:g} there, or correct the marks in {assignment.autotests}",
        )
    return specs


def read_suite(path: Path, visible: bool) -> tuple[TestSpec, ...]:
    """Read the marks of one suite, in the order of its tests.

    :param visible: whether students have its source.
    :raises SuiteError: no such file; a syntax error; no test; a test without the marker, in a class or inside an
        ``if``; two of one name; arguments that are not literals of the right type; points that are not positive.
    """
    return tuple(spec for spec, _ in _read(path, visible=visible).values())


def _read(path: Path, *, visible: bool) -> dict[str, tuple[TestSpec, int]]:
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except FileNotFoundError:
        raise SuiteError("there is no such file", where=path, remedy="write the suite in it") from None
    except OSError as error:
        raise SuiteError(f"cannot be read: {error.strerror}", where=path, remedy="make it a readable file") from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise SuiteError(
            f"not valid Python: {message}", where=f"{path}:{line}" if line else path, remedy="correct it"
        ) from error
    constants = _constants(tree)
    found: dict[str, tuple[TestSpec, int]] = {}
    for function in _tests(tree, path):
        if function.name in found:
            _fail(
                path,
                function,
                f"{function.name} is defined on line {found[function.name][1]} already, and pytest runs the last alone",
                "give it another name",
            )
        found[function.name] = _spec(path, function, visible, constants), function.lineno
    if not found:
        raise SuiteError("there is no test", where=path, remedy=f"write a function test_… under {EXAMPLE}")
    return found


def _fail(path: Path, node: ast.AST, what: str, remedy: str) -> NoReturn:
    raise SuiteError(what, where=f"{path}:{getattr(node, 'lineno', 1)}", remedy=remedy)


def _tests(tree: ast.Module, path: Path) -> Iterator[ast.FunctionDef]:
    """The test functions at top level; whatever else pytest would collect is refused, as it would count unseen."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test"):
            yield statement
        elif isinstance(statement, ast.AsyncFunctionDef) and statement.name.startswith("test"):
            _fail(path, statement, f"{statement.name} is asynchronous", "write it as an ordinary function")
        elif isinstance(statement, ast.ClassDef) and statement.name.startswith("Test"):
            _fail(path, statement, f"{statement.name} is a test class", "write its tests as functions of the module")
        elif isinstance(statement, (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Match)):
            for node in ast.walk(statement):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
                    _fail(path, node, f"{node.name} stands inside another statement", "move it to the top level")


def _spec(path: Path, function: ast.FunctionDef, visible: bool, constants: Mapping[str, ast.expr]) -> TestSpec:
    name = function.name
    markers = [
        decorator
        for decorator in function.decorator_list
        if _ends_with_mark_points(decorator.func if isinstance(decorator, ast.Call) else decorator)
    ]
    if len(markers) != 1:
        count = "no marker" if not markers else f"{len(markers)} markers"
        _fail(path, function, f"{name} has {count} that gives its points", f"write one above it: {EXAMPLE}")
    marker = markers[0]
    if not isinstance(marker, ast.Call) or len(marker.args) != 1:
        _fail(path, marker, f"the marker of {name} must have one positional argument, the points", f"write {EXAMPLE}")
    points = _literal(path, name, "points", marker.args[0], constants)
    if isinstance(points, bool) or not isinstance(points, (int, float)):
        _fail(path, marker, f"the points of {name} are {points!r}", "give a number")
    if not (math.isfinite(points) and points > 0):
        _fail(path, marker, f"the points of {name} are {points:g}", "give a number above 0")
    values: dict[str, Any] = {}
    for argument in marker.keywords:
        if argument.arg is None:
            _fail(path, marker, f"the marker of {name} unpacks a dict", f"write its arguments out: {EXAMPLE}")
        if argument.arg not in KEYWORDS:
            _fail(path, marker, f'the marker of {name} has an unknown argument "{argument.arg}"',
                  nearest(argument.arg, KEYWORDS))  # fmt: skip
        values[argument.arg] = _literal(path, name, argument.arg, argument.value, constants)
    title, hint = values.get("title", ""), values.get("hint", "")
    for key, text in (("title", title), ("hint", hint)):
        if not isinstance(text, str):
            _fail(path, marker, f"the {key} of {name} is {text!r}", "give a string")
    if not title.strip() or "\n" in title:
        _fail(path, marker, f"{name} has no title of one line", f"students read it; write {EXAMPLE}")
    needs = values.get("needs", ())
    if not isinstance(needs, (tuple, list)) or not all(isinstance(item, str) for item in needs):
        _fail(path, marker, f"the needs of {name} are {needs!r}", 'give a tuple of test names: needs=("test_x",)')
    return TestSpec(name, title.strip(), float(points), hint.strip(), visible, tuple(needs))


def _ends_with_mark_points(node: ast.expr) -> bool:
    """``pytest.mark.points``, or ``mark.points`` after ``from pytest import mark``."""
    if not (isinstance(node, ast.Attribute) and node.attr == "points"):
        return False
    owner = node.value
    return (isinstance(owner, ast.Attribute) and owner.attr == "mark") or (
        isinstance(owner, ast.Name) and owner.id == "mark"
    )


def _literal(path: Path, name: str, argument: str, node: ast.expr, constants: Mapping[str, ast.expr]) -> Any:
    try:
        return _value(node, constants)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        _fail(
            path,
            node,
            f"the {argument} of {name} is not a literal",
            "write the value out, or name a constant of the module; suites are not imported for this",
        )


def _value(node: ast.expr, constants: Mapping[str, ast.expr]) -> Any:
    """A literal; also a constant of the module, and sums and unpacked tuples of these."""
    if isinstance(node, ast.Name):
        if node.id not in constants:
            raise ValueError(node.id)
        return _value(constants[node.id], constants)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _value(node.left, constants) + _value(node.right, constants)
    if isinstance(node, (ast.Tuple, ast.List)):
        items: list[Any] = []
        for item in node.elts:
            items += _value(item.value, constants) if isinstance(item, ast.Starred) else [_value(item, constants)]
        return tuple(items)
    return ast.literal_eval(node)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """What the module's plain assignments bind: name → expression."""
    return {
        target.id: statement.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
