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
from collections.abc import Iterator
from typing import Any

# Characters of text kept of one cell, and bytes of everything together. A cell prints a screenful or two; a reply's
# JSON is bounded to 8 MiB.
MAX_CELL_TEXT = 20_000
MAX_TOTAL = 3 << 20
# Outputs of one cell, and cells with any: what crosses the wall is bounded to 200,000 values, some ten per output.
MAX_CELL_OUTPUTS = 40
MAX_CELLS = 400
# CPU seconds in which pictures are drawn: a plot takes 0.1 s. The host allows as much on top of the limit for loading.
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

    @contextlib.contextmanager
    def cell(self, number: int) -> Iterator[None]:
        """Record what is put out inside as the outputs of this cell."""
        if len(self.outputs) >= MAX_CELLS:
            yield
            return
        self._current = self.outputs.setdefault(number, [])
        self._text = 0
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Tee(before[0], self, "stdout"), _Tee(before[1], self, "stderr")
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            with contextlib.suppress(BaseException):  # drawing runs the student's code
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
        """Draw what pyplot holds, as a notebook does at the end of a cell, and close it."""
        pyplot: Any = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            start = time.process_time()
            if self._drawing < PICTURE_SECONDS:
                file = io.BytesIO()
                pyplot.figure(number).savefig(file, format="png", dpi=PICTURE_DPI)
                data = base64.b64encode(file.getvalue()).decode()
                if len(data) <= self._room:
                    self._room -= len(data)
                    self._add({"type": "display", "text": "<Figure>", "png": data})
            self._drawing += time.process_time() - start
        pyplot.close("all")


class _Tee(io.TextIOBase):
    """Writes to a stream and to the recorder."""

    def __init__(self, stream: Any, recorder: Recorder, name: str) -> None:
        self._stream = stream
        self._recorder = recorder
        self._name = name

    def write(self, text: str) -> int:
        written: int = self._stream.write(text)
        self._recorder.stream(self._name, text)
        return written

    def flush(self) -> None:
        self._stream.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        number: int = self._stream.fileno()
        return number

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here
        return "utf-8"

    @property
    def buffer(self) -> Any:
        return self._stream.buffer


def run_recorded(text: str, name: str, namespace: dict[str, Any], recorder: Recorder) -> None:
    """Execute a cell; the value of a last expression without a semicolon behind it is its result."""
    tree = ast.parse(text, name)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or text.rstrip().endswith(";"):
        exec(compile(tree, name, "exec", dont_inherit=True), namespace)
        return
    del tree.body[-1]
    exec(compile(tree, name, "exec", dont_inherit=True), namespace)
    value = eval(compile(ast.Expression(last.value), name, "eval", dont_inherit=True), namespace)
    with contextlib.suppress(BaseException):  # a repr() of the student's may do anything, and decides nothing
        recorder.result(value)
