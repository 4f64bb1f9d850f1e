"""The cells of one notebook behind the wall: executed one by one in a guest, what they give out read with suspicion.

The tests of a classic notebook stand in its cells and run in the student's own process: whoever sets out to forge a
mark can do so here as in any kernel, and only the suite of ``grader grade`` is safe from it. What the guest cannot do
is to make this side take an answer for that of another cell, skip a cell, or believe outputs that no kernel gives.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.errors import InfrastructureError
from grader.model import Limits
from grader.sandbox import Guest, GuestFault, GuestKilled, GuestTimeout, Zygote
from grader.wall.frames import WireError
from grader.wall.outputs import (
    MAX_CELL_CHARACTERS,
    MAX_ERRORS,
    MAX_JSON_BYTES,
    MAX_NOTEBOOK_CHARACTERS,
    MAX_OUTPUTS,
    MAX_RESULT_CHARACTERS,
    MAX_TYPES,
    PART_CHARACTERS,
    STREAMS,
    json_parts,
)
from grader.wall.values import Encoder

# A kernel that was interrupted answers within milliseconds; a cell that catches KeyboardInterrupt may clean up.
GRACE_SECONDS = 5.0
# To write the files and start the shell, which is warm; a loaded machine with a cold disk is slower.
START_SECONDS = 60.0
# Of a cell without a timeout: nobody waits longer than a day.
NO_TIMEOUT_SECONDS = 86_400.0
# Bytes of files in one frame, well below its limit.
BATCH_BYTES = 64 * 2**20
# One result and one error per cell come on top of the rest, and the lines that say what is not kept.
MAX_CELL_TOTAL = MAX_CELL_CHARACTERS + (MAX_ERRORS + 3) * MAX_RESULT_CHARACTERS
# Display ids of earlier cells that one cell may change.
MAX_UPDATES = 10_000
MAX_NAME = 1000

Output = dict[str, Any]


@dataclass(slots=True)
class CellAnswer:
    """What became of one executed cell. The outputs have the form of nbformat 4, but no execution count."""

    outputs: list[Output]
    updates: dict[str, Output] = field(default_factory=dict)  # display id -> data and metadata, of earlier cells
    display_ids: dict[int, str] = field(default_factory=dict)  # index of an output -> its display id
    error: Output | None = None  # ename, evalue and traceback of what the cell raised
    timed_out: bool = False  # it was interrupted
    ended: bool = False  # it asked the kernel to end


class NotebookSession:
    """A guest that executes one notebook's cells. Belongs to one thread. A context manager.

    :param files: relative path -> content of what lies in the folder of the notebook.
    :param limits: of the guest; the CPU seconds of all cells together, memory and the like.
    :param environ: additions to the guest's environment.
    """

    def __init__(
        self, zygote: Zygote, files: Mapping[str, bytes], limits: Limits, environ: Mapping[str, str] | None = None
    ) -> None:
        """Start the shell. Raises InfrastructureError: none of the submission's code has run yet."""
        self._limits = limits
        self._characters = 0  # of all outputs so far
        self._guest: Guest = zygote.spawn()
        try:
            for batch in _batches(files):
                encoder = Encoder(_refuse)
                self._start({"op": "notebook_files", "files": encoder.encode(batch)}, encoder.buffers)
            encoder = Encoder(_refuse)
            self._start({"op": "notebook_start", "environ": encoder.encode(dict(environ or {}))}, encoder.buffers)
        except BaseException:
            self._guest.close()
            raise

    def __enter__(self) -> NotebookSession:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the guest."""
        self._guest.close()

    def _start(self, message: dict[str, Any], buffers: list[Any]) -> None:
        message["id"] = 0
        try:
            reply, _ = self._guest.exchange(message, buffers, cpu_seconds=START_SECONDS, wall_seconds=START_SECONDS)
        except GuestFault as fault:
            raise InfrastructureError(f"a guest cannot start a notebook: {fault}") from fault
        if "ok" not in reply:
            why = reply.get("raised", reply.get("refused"))
            why = why.get("message") if isinstance(why, dict) else why
            raise InfrastructureError(
                f"a guest cannot start a notebook: {str(why)[:500]}",
                remedy="is there room for its folder (disk_mb), and is IPython installed?",
            )

    def execute(self, source: str, timeout: float | None, *, interrupt: bool = True) -> CellAnswer:
        """Run one cell.

        :param timeout: wall seconds; then the cell is interrupted, and where that does not help, the guest is killed.
        :param interrupt: False: it is killed at once.
        :raises GuestFault: the guest is lost, and with it what the cell has given out; no further cell can run.
        :raises InfrastructureError: the sandbox failed.
        """
        encoder = Encoder(_refuse)
        # No answer that was sent ahead of its question can know this number.
        number = secrets.randbits(53)
        message = {"op": "execute", "id": number, "source": encoder.encode(source)}
        wall = NO_TIMEOUT_SECONDS if timeout is None else timeout
        start = time.monotonic()
        total = self._limits.total_cpu_seconds
        left = total - self._guest.cpu_seconds()
        try:
            if left <= 0:
                raise GuestTimeout(f"The notebook has used up its {total:g} CPU seconds in all.")
            reply, buffers = self._guest.exchange(
                message,
                encoder.buffers,
                cpu_seconds=left,
                wall_seconds=wall + GRACE_SECONDS if interrupt else wall,
                interrupt_after=wall if interrupt else None,
            )
            if reply.get("id") != number:
                raise GuestKilled("The notebook's process sent an answer that nobody had asked for.")
            if "raised" in reply:
                raise GuestKilled("The notebook's process cannot execute cells any more.")
            answer = _Reader(reply, buffers).answer()
            self._characters += sum(map(_characters, answer.outputs)) + sum(map(_characters, answer.updates.values()))
            # What a cell is always allowed, however much came before, is bounded by the number of cells.
            if self._characters > MAX_NOTEBOOK_CHARACTERS + MAX_CELL_TOTAL:
                raise GuestKilled("The notebook's process sent more than it may.")
        except WireError as error:
            self.close()
            raise GuestKilled(f"The notebook's process sent something that is no answer ({error}).") from None
        except GuestFault:
            self.close()
            if timeout is not None and time.monotonic() - start > timeout and not self._guest.alive():
                raise GuestTimeout(f"The cell took more than {timeout:g} seconds and did not let itself be stopped.") \
                    from None  # fmt: skip
            raise
        answer.timed_out = self._guest.interrupted
        return answer


def _refuse(value: Any) -> Any:
    raise TypeError(f"a {type(value).__name__} is no part of a notebook")


def _batches(files: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """The files in portions that fit a frame; at least one portion."""
    batch: dict[str, bytes] = {}
    size = 0
    for path, content in files.items():
        if batch and (size + len(content) > BATCH_BYTES or len(batch) >= 1000):
            yield batch
            batch, size = {}, 0
        batch[path] = content
        size += len(content)
    yield batch


def _characters(output: Output) -> int:
    text = sum(len(value) for value in output.values() if isinstance(value, str))
    text += sum(map(len, output.get("traceback", ())))
    data = output.get("data", {})
    return text + sum(len(value) if isinstance(value, str) else len(json.dumps(value)) for value in data.values())


class _Reader:
    """Turns a guest's reply into a :class:`CellAnswer`, or raises WireError."""

    def __init__(self, reply: dict[str, Any], buffers: list[bytearray]) -> None:
        self._reply = reply
        self._buffers: list[bytearray | None] = list(buffers)
        self._parts = 0  # of JSON values so far
        if sum(map(len, buffers)) > 4 * MAX_CELL_TOTAL:  # a character takes up to four bytes
            raise WireError("a cell's outputs are too long")

    def answer(self) -> CellAnswer:
        told, updates = self._reply.get("outputs"), self._reply.get("updates")
        if not isinstance(told, list) or len(told) > 2 * MAX_OUTPUTS:
            raise WireError("a cell's outputs are no list, or too many")
        if not isinstance(updates, list) or len(updates) > MAX_UPDATES:
            raise WireError("a cell's updates are no list, or too many")
        answer = CellAnswer([self._output(output) for output in told], ended=self._reply.get("ended") is True)
        for index, output in enumerate(answer.outputs):
            display_id = output.pop("display_id", None)
            if display_id is not None:
                answer.display_ids[index] = display_id
        for update in updates:
            if not isinstance(update, list) or len(update) != 2 or not isinstance(update[1], dict):
                raise WireError("an update that is none")
            answer.updates[self._text(update[0])] = self._bundle(update[1])
        if "error" in self._reply:
            answer.error = self._error(self._reply["error"])
        return answer

    def _output(self, told: Any) -> Output:
        if not isinstance(told, dict):
            raise WireError("an output that is no object")
        kind = told.get("output_type")
        if kind == "stream":
            if told.get("name") not in STREAMS:
                raise WireError("a stream of an unknown name")
            return {"output_type": kind, "name": told["name"], "text": self._text(told.get("text"))}
        if kind == "execute_result":
            return {"output_type": kind, **self._bundle(told)}
        if kind == "display_data":
            output = {"output_type": kind, **self._bundle(told)}
            if "display_id" in told:
                output["display_id"] = self._text(told["display_id"])
            return output
        if kind == "error":
            return {"output_type": kind, **self._error(told)}
        raise WireError("an output of an unknown kind")

    def _bundle(self, told: dict[str, Any]) -> Output:
        pairs = told.get("data")
        if not isinstance(pairs, list) or len(pairs) > MAX_TYPES:
            raise WireError("an output's data are no list, or too many")
        data: dict[str, Any] = {}
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                raise WireError("an output's data are no pairs")
            kind = self._text(pair[0])
            if len(kind) > MAX_NAME or kind in data:
                raise WireError("a type of data that is none")
            data[kind] = self._value(pair[1])
            if kind == "text/plain" and not isinstance(data[kind], str):
                raise WireError("plain text that is no text")
        metadata = self._value(told.get("metadata"))
        if not isinstance(metadata, dict):
            raise WireError("an output's metadata are no object")
        return {"data": data, "metadata": metadata}

    def _error(self, told: Any) -> Output:
        if not isinstance(told, dict):
            raise WireError("an error that is no object")
        lines = self._value(told.get("traceback"))
        if not isinstance(lines, list) or len(lines) > MAX_NAME:
            raise WireError("a traceback that is no list, or too long")
        return {
            "ename": self._text(told.get("ename"))[:MAX_NAME],
            "evalue": self._text(told.get("evalue")),
            "traceback": [_whole_text(line) for line in lines],
        }

    def _value(self, told: Any) -> Any:
        """Text, or any JSON that came as text."""
        if not isinstance(told, dict) or set(told) != {"json"}:
            return self._text(told)
        data = self._take(told["json"])
        self._parts += json_parts(data)
        if len(data) > MAX_JSON_BYTES or self._parts > MAX_CELL_TOTAL // PART_CHARACTERS:
            raise WireError("a JSON value that is too long")
        try:
            text = data.decode("utf-8")
            value = json.loads(text, parse_constant=_no_constant)
            if "\\u" in text:  # an escape may stand for half a surrogate pair
                json.dumps(value, ensure_ascii=False).encode("utf-8")
            return value
        except (ValueError, RecursionError):
            raise WireError("a value that is no JSON") from None

    def _text(self, told: Any) -> str:
        try:
            if isinstance(told, str):
                return _whole_text(told)
            if isinstance(told, dict) and set(told) == {"text"}:
                return self._take(told["text"]).decode("utf-8")
        except UnicodeError:
            raise WireError("text that is no Unicode") from None
        raise WireError("text that is none")

    def _take(self, index: Any) -> bytearray:
        """A buffer, once: a few bytes of JSON would otherwise stand for gigabytes."""
        if type(index) is not int or not 0 <= index < len(self._buffers):
            raise WireError("a buffer that is not there")
        buffer = self._buffers[index]
        if buffer is None:
            raise WireError("a buffer that was taken before")
        self._buffers[index] = None
        return buffer


def _whole_text(told: Any) -> str:
    """Text without half a surrogate pair, which no notebook can be written with."""
    if not isinstance(told, str):
        raise WireError("text that is none")
    try:
        told.encode("utf-8")
    except UnicodeError:
        raise WireError("text that is no Unicode") from None
    return told


def _no_constant(name: str) -> Any:
    raise ValueError(name)
