"""What a notebook's cells put out while they are loaded: for the pages that people read, never for a mark.

Text and PNG pictures alone. HTML and scripts of a submission would run in the browser of whoever grades it.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import sys
import time
import weakref
from collections.abc import Iterator
from types import CodeType
from typing import Any

# Characters of text kept of one cell, and bytes of everything together. A cell prints a screenful or two; a reply's
# JSON is bounded to 8 MiB.
MAX_CELL_TEXT = 20_000
MAX_TOTAL = 3 << 20
# Outputs of one cell, and cells with any: what crosses the wall is bounded to 200,000 values, some ten per output.
MAX_CELL_OUTPUTS = 40
MAX_CELLS = 400
# CPU seconds in which pictures are drawn: a plot takes 0.1 s. Where the limit for loading is passed over with them, the
# host loads once more without recording.
PICTURE_SECONDS = 2.0
PICTURE_DPI = 72
CUT = "\n… more output is not kept\n"


class Recorder:
    """Collects the outputs of cells, each ``{"type": "stream" | "result" | "display", …}``, by the cell's number."""

    def __init__(self) -> None:
        self.outputs: dict[int, list[dict[str, Any]]] = {}
        self._current: list[dict[str, Any]] | None = None
        self._text = 0  # characters of the current cell
        self._room = MAX_TOTAL
        self._drawing = 0.0  # CPU seconds spent on pictures
        self._drawn: weakref.WeakSet[Any] = weakref.WeakSet()

    @contextlib.contextmanager
    def cell(self, number: int) -> Iterator[None]:
        """Record what is put out inside as the outputs of this cell."""
        if len(self.outputs) >= MAX_CELLS:
            yield
            return
        self._current = self.outputs.setdefault(number, [])
        self._text = 0
        tees = {name: _Tee(getattr(sys, name), self, name) for name in ("stdout", "stderr")}
        for name, tee in tees.items():
            setattr(sys, name, tee)
        try:
            yield
        finally:
            for name, tee in tees.items():
                if getattr(sys, name, None) is tee:  # a cell may put something else there, for later cells
                    setattr(sys, name, tee.stream)
            with contextlib.suppress(BaseException):  # drawing may run the student's code
                self._pictures()
            self._current = None

    def stream(self, name: str, text: str) -> None:
        """Text that was printed."""
        kept = self._kept(text)
        if self._current is None or not kept:
            return
        last = self._current[-1] if self._current else {}
        if last.get("type") == "stream" and last["name"] == name:
            last["text"] += kept
        else:
            self._add({"type": "stream", "name": name, "text": kept})

    def result(self, value: Any) -> None:
        """The value of a cell's last line."""
        if value is not None:
            self._add({"type": "result", "text": self._kept(repr(value))})

    def display(self, *values: Any, **_options: Any) -> None:
        """What ``display(…)`` of a notebook does."""
        for value in values:
            with contextlib.suppress(Exception):  # where nothing is recorded, nobody asks for a repr()
                self._add({"type": "display", "text": self._kept(repr(value))})

    def _kept(self, text: str) -> str:
        left = min(MAX_CELL_TEXT - self._text, self._room)
        if self._current is None or left <= 0:
            return ""
        self._text += len(text)
        self._room -= min(len(text), left)
        return text if len(text) <= left else text[:left] + CUT

    def _add(self, output: dict[str, Any]) -> None:
        if self._current is not None and len(self._current) < MAX_CELL_OUTPUTS:
            self._current.append(output)

    def _pictures(self) -> None:
        """Draw the figures that the cell has made; they stay as they are, since nobody closes them elsewhere either."""
        helpers: Any = sys.modules.get("matplotlib._pylab_helpers")
        if helpers is None:
            return
        for manager in list(helpers.Gcf.figs.values()):  # asking pyplot would make each the current one
            start = time.process_time()
            figure = manager.canvas.figure
            if self._drawing < PICTURE_SECONDS and figure not in self._drawn:
                self._drawn.add(figure)
                with contextlib.suppress(Exception):  # the next one may be sound
                    self._picture(figure)
            self._drawing += time.process_time() - start

    def _picture(self, figure: Any) -> None:
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=PICTURE_DPI)
        data = base64.b64encode(file.getvalue()).decode()
        if len(data) <= self._room:
            self._room -= len(data)
            self._add({"type": "display", "text": "<Figure>", "png": data})


class _Tee(io.TextIOBase):
    """Writes to a stream and to the recorder; in all else it is the stream."""

    def __init__(self, stream: Any, recorder: Recorder, name: str) -> None:
        self.stream = stream
        self._recorder = recorder
        self._name = name

    def __getattr__(self, name: str) -> Any:  # what TextIOBase has not: buffer, name, mode, reconfigure …
        return getattr(self.__dict__["stream"], name)

    def write(self, text: str) -> int:
        written: int = self.stream.write(text)
        self._recorder.stream(self._name, text)
        return written

    def flush(self) -> None:
        self.stream.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        number: int = self.stream.fileno()
        return number

    @property
    def encoding(self) -> Any:  # type: ignore[override]  # read-only here
        return self.stream.encoding

    @property
    def errors(self) -> Any:  # type: ignore[override]
        return self.stream.errors


def run_recorded(text: str, name: str, namespace: dict[str, Any], recorder: Recorder) -> None:
    """Execute a cell; the value of a last expression without a semicolon behind it is its result."""
    try:
        parts = _split(text, name)
    except (RecursionError, MemoryError):  # an expression too deep for a tree, but not for the compiler
        parts = compile(text, name, "exec", dont_inherit=True), None
    exec(parts[0], namespace)
    if parts[1] is not None:
        value = eval(parts[1], namespace)
        with contextlib.suppress(BaseException):  # a repr() of the student's may do anything, and decides nothing
            recorder.result(value)


def _split(text: str, name: str) -> tuple[CodeType, CodeType | None]:
    """The code of a cell, and that of a last expression that is its result."""
    tree = ast.parse(text, name)
    last = tree.body[-1] if tree.body else None
    result = None
    if isinstance(last, ast.Expr) and not text.rstrip().endswith(";"):
        del tree.body[-1]
        result = compile(ast.Expression(last.value), name, "eval", dont_inherit=True)
    return compile(tree, name, "exec", dont_inherit=True), result
