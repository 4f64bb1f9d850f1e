"""Solution source → stub: each region gives way to ``raise NotImplementedError(…)`` or to the author's STUB lines."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from pathlib import Path

from grader.errors import MarkerError, TaskError
from grader.generation.markers import Region, parse_regions

MESSAGE = "{name} is not written yet: replace this line by your code"


def make_stub(text: str, path: Path) -> str:
    """Return the source without its solutions; it compiles, imports and defines the same public names.

    :param text: the solution source, a percent-format script.
    :param path: its file, for messages.
    :raises MarkerError: a marker is wrong, or the stub would not compile, not import or lack a name.
    :raises TaskError: the source itself is not valid Python.
    """
    tree = _parse(text, path)
    regions = parse_regions(text, path)
    lines = text.splitlines()
    stub: list[str] = []
    origin: list[int] = []  # source line of each line of the stub
    unfinished: set[str] = set()  # top-level functions and classes that raise
    position = 0
    for region in regions:
        stub += lines[position : region.begin - 1]
        origin += range(position + 1, region.begin)
        scope = _scope(tree, region)
        if region.stub:
            new = [f"{region.indent}{line}".rstrip() for line in region.stub]
        elif scope:
            new = [f'{region.indent}raise NotImplementedError("{MESSAGE.format(name=scope)}")']
            unfinished.add(scope.split(".")[0])
        else:
            raise MarkerError(
                "this region runs when the module is imported, so its stub could never be imported",
                where=f"{path}:{region.begin}",
                remedy="say what students get instead, in lines right below: ### STUB: NAME = None",
            )
        stub += new
        origin += [region.begin] * len(new)
        position = region.end
    stub += lines[position:]
    origin += range(position + 1, len(lines) + 1)
    result = "\n".join(stub).rstrip("\n") + "\n"
    _check(result, origin, tree, _public_names(text), unfinished, path)
    return result


def scope_of(text: str, region: Region) -> str:
    """Qualified name of the innermost function around a region of a notebook's cell; empty where there is none."""
    try:
        return _scope(ast.parse(text), region)
    except SyntaxError:  # an instructor's cell may hold magics
        return ""


def _parse(text: str, path: Path) -> ast.Module:
    try:
        return ast.parse(text, filename=str(path))
    except SyntaxError as error:
        raise TaskError(
            f"not valid Python: {error.msg}", where=f"{path}:{error.lineno}", remedy="correct the solution source"
        ) from error


def _scope(tree: ast.Module, region: Region) -> str:
    """Qualified name of the innermost function around the region; empty where its code runs at import."""
    last = max(number for number, line in region.code if line.strip() and not line.lstrip().startswith("#"))
    around = [
        node
        for node in ast.walk(tree)  # from the outside in
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and node.lineno < region.begin
        and (node.end_lineno or 0) >= last
    ]
    if all(isinstance(node, ast.ClassDef) for node in around):
        return ""
    return ".".join(node.name for node in around)


def _check(
    stub: str, origin: list[int], source: ast.Module, wanted: set[str], unfinished: set[str], path: Path
) -> None:
    """Refuse a stub that does not compile, lacks one of the names ``wanted`` or calls what raises at import."""
    try:
        tree = ast.parse(stub)
        compile(stub, str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        line = origin[min(max(error.lineno or 1, 1), len(origin)) - 1]
        raise MarkerError(
            f"without its solutions the source is not valid Python: {error.msg}",
            where=f"{path}:{line}",
            remedy="let the region cover whole statements at the indentation of its markers",
        ) from error
    kept = _public_names(stub)
    for node in ast.walk(source):
        name = node.id if isinstance(node, ast.Name) else getattr(node, "name", None)
        if name in wanted and name not in kept:
            raise MarkerError(
                f"students' version does not define {name}",
                where=f"{path}:{getattr(node, 'lineno', 1)}",
                remedy="begin the region below the definition's head, or define the name in a STUB line",
            )
    for call in _calls_at_import(tree):
        if isinstance(call.func, ast.Name) and call.func.id in unfinished:
            raise MarkerError(
                f"{call.func.id} is called when the module is imported, which raises until the student has written it",
                where=f"{path}:{origin[call.lineno - 1]}",
                remedy='put it under: if __name__ == "__main__":',
            )


def _public_names(text: str) -> set[str]:
    """Names without a leading underscore that the module binds at top level."""
    table = symtable.symtable(text, "<source>", "exec")
    return {
        symbol.get_name()
        for symbol in table.get_symbols()
        if (symbol.is_assigned() or symbol.is_imported()) and not symbol.get_name().startswith("_")
    }


def _calls_at_import(node: ast.AST) -> Iterator[ast.Call]:
    """Every call that runs at import: none in function bodies or under ``if __name__ == "__main__":``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child
        if isinstance(child, ast.If) and ast.unparse(child.test) == "__name__ == '__main__'":
            for statement in child.orelse:
                yield from _calls_at_import(statement)
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for part in (*child.decorator_list, child.args):
                yield from _calls_at_import(part)
        elif not isinstance(child, ast.Lambda):
            yield from _calls_at_import(child)
