"""Run a notebook's code cells in order in one namespace, as a kernel would; one that raises does not stop the next."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .recording import Recorder, run_recorded

_CELL = re.compile(r"^cell \d+$")
# Cell magics whose body is Python that the cell would run all the same; the bodies of all others are ignored.
PYTHON_CELL_MAGICS = frozenset(("time", "timeit", "capture", "prun", "matplotlib"))


def is_cell(filename: str) -> bool:
    """Tell whether a code object's file name is one that :func:`run_cells` has given."""
    return bool(_CELL.match(filename))


def run_cells(
    cells: Iterable[Sequence[Any]], namespace: dict[str, Any], recorder: Recorder | None = None
) -> Iterator[tuple[int, BaseException]]:
    """Run code cells; yield ``(number of the cell, exception)`` for each that raised.

    :param cells: list of ``[number, source]``; the number counts all cells of the notebook from 1.
    :param recorder: keeps what the cells put out.
    """
    namespace["get_ipython"] = _Shell
    namespace["display"] = recorder.display if recorder is not None else lambda *_values, **_options: None
    for number, source in cells:
        name = f"cell {number}"
        try:
            text = to_python(source)
            linecache.cache[name] = (len(text), None, text.splitlines(True), name)
            if recorder is None:
                exec(compile(text, name, "exec", dont_inherit=True), namespace)
            else:
                with recorder.cell(number):
                    run_recorded(text, name, namespace, recorder)
        except BaseException as error:
            yield number, error


def to_python(source: str) -> str:
    """Source of a cell as plain Python: magics and shell lines become calls that do nothing."""
    body = _without_cell_magic(source)
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        lines = body.splitlines(True)
        return "".join("\n" if line.lstrip().startswith(("%", "!")) else line for line in lines)
    text: str = TransformerManager().transform_cell(body)  # type: ignore[no-untyped-call]  # no annotations
    return text


def _without_cell_magic(source: str) -> str:
    """Drop a leading ``%%magic`` line, and the body too where it is no Python; line numbers stay."""
    stripped = source.lstrip()
    if not stripped.startswith("%%"):
        return source
    line, newline, body = stripped.partition("\n")
    magic = line[2:].split()[0] if line[2:].split() else ""
    skipped = source[: len(source) - len(stripped)].count("\n")
    return "\n" * skipped + newline + body if magic in PYTHON_CELL_MAGICS else ""


class _Shell:
    """What ``get_ipython()`` answers: every magic and every shell line does nothing."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_arguments, **_options: None
