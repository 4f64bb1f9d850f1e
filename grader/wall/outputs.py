"""What the cells of a notebook give out, kept in the guest until the cell has ended, in the form of nbformat 4.

Everything is bounded, so that a cell that prints for ever fills neither memory nor a frame. What decides a mark is
never dropped for want of room: the first error, the first result and the presence of each stream.
"""

from __future__ import annotations

import base64
import io
import json
import os
import tempfile
import threading
from typing import Any

# Text of a cell's streams and displays together. A picture takes 10 to 200 KB, an interactive one some MB; nbgrader
# itself keeps 100,000 characters of a stream.
MAX_CELL_CHARACTERS = 16 * 2**20
# The same, of a whole notebook.
MAX_NOTEBOOK_CHARACTERS = 64 * 2**20
# Beyond the above, so that no room is lacking for them: text of one result or error of a cell.
MAX_RESULT_CHARACTERS = 2**20
# A JSON value of a bundle: a chart with its data takes up to some MB.
MAX_JSON_BYTES = 4 * 2**20
# What a part of a JSON value counts, in characters: in memory it takes more than in the text.
PART_CHARACTERS = 16
# A loop that displays a picture per step stays below. With MAX_TYPES it bounds the buffers of a frame.
MAX_OUTPUTS = 500
# A data frame comes in two types, a figure in two, an interactive plot in three or four.
MAX_TYPES = 8
# Errors of one cell: the user's own calls of showtraceback count too.
MAX_ERRORS = 20
# Longer text travels as a buffer.
MAX_INLINE_TEXT = 200
# Taken from the file behind a descriptor at one time.
PULL_BYTES = 1 << 20

STREAMS = ("stdout", "stderr")

Bundle = dict[str, Any]


class Recorder:
    """Collects what one cell after the other gives out.

    Streams are gathered apart and come out where something is displayed and where the cell ends, as from a kernel:
    first what is on stdout, then what is on stderr. What processes and C code write to descriptors 1 and 2 lands in
    files without a name, and from there in the same streams, in the order in which it was written.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._files: dict[str, int] = {}  # name of the stream -> its file, which descriptor 1 or 2 writes to
        self._taken = dict.fromkeys(STREAMS, 0)  # bytes of the file that were taken already
        self._shown: set[str] = set()  # display ids of cells that have ended
        self._notebook_characters = 0
        self.begin()

    def begin(self) -> None:
        """A new cell."""
        self._pending = {name: io.StringIO() for name in STREAMS}
        self._outputs: list[dict[str, Any]] = []
        self._updates: dict[str, Bundle] = {}
        self._clear_next = False
        self._characters = 0
        self._full: set[str] = set()  # streams of which something was dropped
        self._displays_dropped = False

    def redirect_descriptors(self) -> None:
        """Let descriptors 1 and 2 write to files that nobody else can open."""
        for number, name in enumerate(STREAMS, 1):
            with tempfile.TemporaryFile(buffering=0) as file:
                # Appending, so that emptying the file is no trouble for whoever still writes to it.
                os.set_inheritable(file.fileno(), False)
                os.dup2(file.fileno(), number)
                self._files[name] = os.dup(file.fileno())
            _set_append(number)

    # streams ----------------------------------------------------------------------------------------------------------

    def write(self, name: str, text: str) -> None:
        if os.getpid() != self._process:  # a forked child: its copy of this object is lost with it
            os.write(STREAMS.index(name) + 1, text.encode("utf-8", "backslashreplace"))
            return
        with self._lock:
            self._pull(name)
            self._keep(name, text)

    def _keep(self, name: str, text: str) -> None:
        room = self._room()
        if len(text) > room:
            self._full.add(name)
            text = text[:room]
        self._characters += len(text)
        self._pending[name].write(text)

    def _room(self) -> int:
        left = min(MAX_CELL_CHARACTERS, MAX_NOTEBOOK_CHARACTERS - self._notebook_characters)
        return max(0, left - self._characters)

    def _pull(self, name: str) -> None:
        """Take over what was written to the descriptor itself."""
        descriptor = self._files.get(name)
        if descriptor is None:
            return
        size = os.fstat(descriptor).st_size
        while self._taken[name] < size:
            data = os.pread(descriptor, min(PULL_BYTES, size - self._taken[name]), self._taken[name])
            if not data:
                break
            self._taken[name] += len(data)
            self._keep(name, data.decode("utf-8", "replace"))

    def flush(self, name: str) -> None:
        """Make an output of what a stream has gathered; it joins the last one where that is of the same stream."""
        if os.getpid() != self._process:
            return
        with self._lock:
            self._pull(name)
            text = self._pending[name].getvalue()
            if text:
                self._pending[name] = io.StringIO()
            elif name not in self._full:
                return
            last = self._outputs[-1] if self._outputs and not self._clear_next else None
            if last is None or last.get("name") != name:
                known = any(output.get("name") == name for output in self._outputs)
                if len(self._outputs) >= MAX_OUTPUTS and known:
                    self._full.add(name)
                    return
                last = {"output_type": "stream", "name": name, "text": io.StringIO()}
                if text or not known:
                    self._append(last)
            last["text"].write(text)

    def flush_all(self) -> None:
        for name in STREAMS:
            self.flush(name)

    # the rest ---------------------------------------------------------------------------------------------------------

    def display(self, data: Bundle, metadata: Bundle, display_id: str | None, *, update: bool) -> None:
        with self._lock:
            self.flush_all()
            bundle = clean_bundle(data, metadata, self._room())
            self._characters += _size(bundle)
            if display_id is not None:
                for output in self._outputs:
                    if output.get("display_id") == display_id:
                        output.update(bundle)
                if display_id in self._shown:
                    self._updates[display_id] = bundle
            if update:
                return
            if len(self._outputs) >= MAX_OUTPUTS:
                self._displays_dropped = True
                return
            output = {"output_type": "display_data", **bundle}
            if display_id is not None:
                output["display_id"] = display_id
            self._append(output)

    def result(self, data: Bundle, metadata: Bundle) -> None:
        with self._lock:
            self.flush_all()
            first = all(output["output_type"] != "execute_result" for output in self._outputs)
            bundle = clean_bundle(data, metadata, max(self._room(), MAX_RESULT_CHARACTERS if first else 0))
            if first or len(self._outputs) < MAX_OUTPUTS:
                self._characters += _size(bundle)
                self._append({"output_type": "execute_result", **bundle})

    def error(self, name: str, value: str, lines: list[str]) -> None:
        with self._lock:
            self.flush_all()
            if sum(output["output_type"] == "error" for output in self._outputs) < MAX_ERRORS:
                self._append({"output_type": "error", **clean_error(name, value, lines)})

    def clear(self, *, wait: bool) -> None:
        with self._lock:
            self.flush_all()
            if wait:
                self._clear_next = True
            else:
                self._empty()

    def _append(self, output: dict[str, Any]) -> None:
        if self._clear_next:
            self._empty()
        self._outputs.append(output)

    def _empty(self) -> None:
        self._outputs.clear()
        self._clear_next = False
        self._characters = sum(len(text.getvalue()) for text in self._pending.values())
        self._full.clear()
        self._displays_dropped = False

    def end(self) -> tuple[list[dict[str, Any]], dict[str, Bundle]]:
        """The cell's outputs, and what it changed in displays of earlier cells: display id -> data and metadata."""
        with self._lock:
            self.flush_all()
            for name in self._full:
                for output in reversed(self._outputs):
                    if output.get("name") == name:
                        output["text"].write(f"\n[what the cell printed beyond {MAX_CELL_CHARACTERS >> 20} Mi "
                                             "characters is not kept]\n")  # fmt: skip
                        break
            if self._displays_dropped:
                text = f"[what the cell displayed beyond {MAX_OUTPUTS} outputs is not kept]"
                self._append({"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}})
            for output in self._outputs:
                if output["output_type"] == "stream":
                    output["text"] = output["text"].getvalue()
                if "display_id" in output:
                    self._shown.add(output["display_id"])
            self._notebook_characters += self._characters
            for name, descriptor in self._files.items():
                os.ftruncate(descriptor, 0)
                self._taken[name] = 0
            return self._outputs, self._updates


def _set_append(descriptor: int) -> None:
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_APPEND)


def clean_bundle(data: Any, metadata: Any, room: int) -> Bundle:
    """``{"data": …, "metadata": …}`` of text and JSON values alone; what does not fit into ``room`` says so."""
    kept: dict[str, Any] = {}
    plain = data.get("text/plain")
    # Text first: it is what a mark is read from.
    for kind in sorted(data, key=lambda name: name != "text/plain")[:MAX_TYPES]:
        value = json_value(data[kind])
        if kind == "text/plain" and not isinstance(value, str):
            value = repr(value)
        size = _value_size(value)
        if size <= room:
            kept[str(kind)[:200]] = value
            room -= size
        elif kind == "text/plain" and isinstance(plain, str) and room:
            kept["text/plain"], room = plain[:room], 0
    if data and not kept:
        kept["text/plain"] = "[too large to be kept]"
    about = json_value(metadata if isinstance(metadata, dict) else {})
    return {"data": kept, "metadata": about if len(json.dumps(about)) < 10_000 else {}}


def json_value(value: Any) -> Any:
    """A value as JSON has it: bytes become base64, as from a kernel; what is no JSON becomes its repr."""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, str):
        return str.__str__(value)
    try:
        return json.loads(json.dumps(value, default=_other, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return repr(value)[:MAX_RESULT_CHARACTERS]


def _other(value: Any) -> Any:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else repr(value)


def clean_error(name: str, value: str, lines: list[str]) -> Bundle:
    """An error's name, message and traceback within bounds; a long traceback keeps its two ends."""
    if len(lines) > 200:
        lines = [*lines[:100], f"[{len(lines) - 200} lines left out]", *lines[-100:]]
    each = MAX_RESULT_CHARACTERS // 2 // max(1, len(lines))
    return {
        "ename": str(name)[:1000],
        "evalue": str(value)[: MAX_RESULT_CHARACTERS // 4],
        "traceback": [line if len(line) <= each else f"{line[: each // 2]} … {line[-each // 2 :]}" for line in lines],
    }


def _size(bundle: Bundle) -> int:
    return sum(map(_value_size, bundle["data"].values()))


def _value_size(value: Any) -> int:
    """What a value counts, in characters; more than any room where it is a JSON value too long for a frame."""
    if isinstance(value, str):
        return len(value)
    text = json.dumps(value)
    if len(text) > MAX_JSON_BYTES:
        return MAX_NOTEBOOK_CHARACTERS
    return max(len(text), PART_CHARACTERS * json_parts(text.encode("ascii")))


def json_parts(text: bytes | bytearray) -> int:
    """At least how many values a JSON text has; characters of its strings may count too."""
    return text.count(b",") + text.count(b"[") + text.count(b"{") + 1


def pack(value: Any, buffers: list[Any]) -> Any:
    """Outputs as JSON for a frame: long text goes into ``buffers`` as UTF-8, all that is no text as JSON.

    Half a surrogate pair, which no notebook can be written with, is replaced.
    """

    def text(value: str) -> Any:
        if len(value) <= MAX_INLINE_TEXT:
            return value.encode("utf-8", "backslashreplace").decode()
        buffers.append(value.encode("utf-8", "backslashreplace"))
        return {"text": len(buffers) - 1}

    def item(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        buffers.append(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        return {"json": len(buffers) - 1}

    packed = {}
    for key, part in value.items():
        if key == "data":
            packed[key] = [[text(kind), item(content)] for kind, content in part.items()]
        elif key in ("metadata", "traceback"):
            packed[key] = item(part)
        else:
            packed[key] = text(part)
    return packed


class OutStream(io.TextIOBase):
    """Stands for ``sys.stdout`` or ``sys.stderr`` in cells; as a kernel's, whose name it has, it has no ``buffer``."""

    encoding = "UTF-8"
    errors = "backslashreplace"

    def __init__(self, recorder: Recorder, name: str) -> None:
        self._recorder = recorder
        self.name = name

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._recorder.write(self.name, text)
        return len(text)

    def flush(self) -> None:
        self._recorder.flush(self.name)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return STREAMS.index(self.name) + 1
