"""The guest: loads one submission and answers requests about it until the host hangs up.

Requests are objects with ``id`` and ``op``; every request gets exactly one reply with the same ``id``:
``{"ok": node}``, ``{"raised": description}``, ``{"missing": name}`` or ``{"refused": why}``. While a call runs, the
guest may send ``{"callback": n, …}`` and reads the host's answer. Everything it says is a claim; the host believes none
of it.
"""

from __future__ import annotations

import collections
import io
import itertools
import linecache
import os
import signal
import socket
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from . import frames, notebook, recording, services, warm_device
from . import shared as shared_memory
from .frames import WireError
from .values import Decoder, Encoder

# A handle keeps an object of the student's alive; a test holds a few dozens at most.
MAX_HANDLES = 20_000
# Items per reply of an iteration; a VGG has 38 parameters.
ITERATION_BATCH = 32
# Bytes after which a batch of an iteration ends early, so that large tensors come one by one.
ITERATION_BYTES = 1 << 20
# Text of an exception; a person reads the first lines.
MAX_MESSAGE = 2000
MAX_FRAMES = 12
MAX_DEPTH = 2000  # frames of a stack that are looked through
# `from torch import *` binds 906 names, pylab 885, numpy 500, and what a student defines comes after them.
MAX_NAMES = 10_000


Message = dict[str, Any]  # the JSON object of a frame


class Remote(Exception):
    """A host's callback raised; the student's code may catch it."""


class Guest:
    """State of one guest: the submission's namespace and the objects that the host holds handles of."""

    def __init__(self, wire: socket.socket, scratch: str) -> None:
        self._wire = wire
        self._receive = frames.Reader(wire).receive_exactly
        self._scratch = scratch
        self._objects: dict[int, Any] = {}  # handle number -> object
        self._numbers: dict[int, int] = {}  # id(object) -> handle number
        self._next = 0
        self._module = types.ModuleType("submission")
        self._folder = ""
        self._shell: Any = None  # shell.NotebookShell, where cells of a notebook are executed one by one

    # requests ---------------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        while True:
            try:
                request, buffers = frames.read_frame(self._receive)
            except EOFError:
                return
            for number in request.get("free", ()):
                self._forget(number)
            self._answer(request, buffers)

    def _answer(self, request: Message, buffers: list[bytearray]) -> None:
        reply = {"id": request["id"]}
        encoder = self._encoder()
        try:
            reply.update(self._OPERATIONS[request["op"]](self, request, Decoder(buffers, self._resolve), encoder))
        except Missing as missing:
            reply["missing"] = missing.args[0]
        except WireError as error:
            reply["refused"] = str(error)
        except BaseException as error:  # everything a student can raise, SystemExit and KeyboardInterrupt too
            encoder = self._encoder()
            reply = {"id": request["id"], "raised": self._describe(error)}
        flush_output()
        try:
            frames.send_frame(self._wire, reply, encoder.buffers)
        except WireError as error:
            frames.send_frame(self._wire, {"id": request["id"], "refused": str(error)})

    def _warm(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Asked before the submission is loaded: none of its code is there to see it, to hinder it, or to blame."""
        for framework in request["frameworks"]:
            warm_device.warm_up(framework)
        return {"ok": encoder.encode(None)}

    def _load(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        payload = decoder.decode(request["payload"])
        name, entry = payload["name"], payload["entry"]
        self._folder = os.path.join(self._scratch, "submission")
        os.mkdir(self._folder)
        write_files(self._folder, payload["files"])
        os.chdir(self._folder)
        sys.path.insert(0, self._folder)
        sys.argv = [entry]
        self._module = module = types.ModuleType(name)
        module.__file__ = os.path.join(self._folder, entry)
        sys.modules[name] = module
        notes = []
        recorder = recording.Recorder() if payload["record"] else None
        if payload["cells"] is None:
            source = payload["files"][entry].decode("utf-8")  # the host has re-encoded it; a coding line is void
            code = compile(source, module.__file__, "exec", dont_inherit=True)
            exec(code, module.__dict__)
        else:
            module.__dict__["__name__"] = "__main__"
            sys.modules["__main__"] = module
            for index, error in notebook.run_cells(payload["cells"], module.__dict__, recorder):
                notes.append({"cell": index, **self._describe(error)})
        public = {}
        for key, value in itertools.islice(module.__dict__.items(), MAX_NAMES):
            if isinstance(key, str) and not key.startswith("__") and len(key) <= 100:
                public[key] = callable(value)
        reply: Message = {"names": public, "notes": notes[:50]}
        if recorder is not None:
            reply["outputs"] = list(recorder.outputs.items())
        return reply

    def _notebook_files(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """Files for the cells of a notebook; asked as often as they need frames."""
        self._folder = os.path.join(self._scratch, "notebook")
        os.makedirs(self._folder, exist_ok=True)
        write_files(self._folder, decoder.decode(request["files"]))
        return {"ok": None}

    def _notebook_start(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        from . import shell

        self._shell = shell.NotebookShell(self._folder, decoder.decode(request["environ"]))
        return {"ok": None}

    def _execute(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """One cell of a notebook whose shell was started before."""
        return dict(self._shell.execute(decoder.decode(request["source"]), encoder.buffers))

    def _call(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        function = self._target(request)
        originals = [bytes(buffer) for buffer in decoder.buffers]
        arguments = decoder.decode(request["args"])
        keywords = decoder.decode(request["kwargs"])
        result = function(*arguments, **keywords)
        reply = {"ok": encoder.encode(result)}
        changed = self._changed(request, originals, arguments, keywords, encoder)
        if changed:
            reply["changed"] = changed
        return reply

    def _run(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        """A call that is timed: nobody asks which arguments it has changed, and its result may stay here."""
        function = self._target(request)
        arguments = decoder.decode(request["args"])
        keywords = decoder.decode(request["kwargs"])
        if "log" in keywords:
            keywords["log"] = services.training_log(keywords["log"])
        result = function(*arguments, **keywords)
        return {"ok": self._handle(result) if request["keep"] else encoder.encode(result)}

    def _changed(
        self,
        request: Message,
        originals: list[bytes],
        arguments: list[Any],
        keywords: dict[str, Any],
        encoder: Encoder,
    ) -> list[Any]:
        """Arguments that the call has changed, as ``[[place, node], …]``.

        :param originals: copies of the request's buffers from before the call (arrays live in the buffers themselves).
        """
        places = list(zip(itertools.count(), request["args"]["v"], arguments))
        places += [(key, node, keywords[key]) for key, node in request["kwargs"]["v"]]
        changed = []
        for place, node, value in places:
            if type(node) is dict and node.get("k") in MUTABLE:
                after = self._encoder()
                if not _same(after.encode(value), after.buffers, node, originals):
                    changed.append([place, encoder.encode(value)])
        return changed

    def _get(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        return {"ok": encoder.encode(self._target(request))}

    def _attribute(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        return {"ok": encoder.encode(getattr(self._target(request), request["attribute"]))}

    def _item(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        return {"ok": encoder.encode(self._target(request)[decoder.decode(request["index"])])}

    def _length(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        return {"ok": encoder.encode(len(self._target(request)))}

    def _iterate(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        return self._batch(Iteration(iter(self._target(request))), encoder)

    def _next_items(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        return self._batch(self._target(request), encoder)

    def _batch(self, iteration: Iteration, encoder: Encoder) -> Message:
        """The next items; unless they are the last, ``more`` is the handle to ask for more."""
        nodes: list[Any] = []
        while len(nodes) < ITERATION_BATCH and sum(map(len, encoder.buffers)) < ITERATION_BYTES:
            try:
                nodes.append(encoder.encode(next(iteration.iterator)))
            except StopIteration:
                return {"ok": {"k": "list", "v": nodes}}
        return {"ok": {"k": "list", "v": nodes}, "more": encoder.encode(iteration)}

    def _service(self, request: Message, decoder: Decoder, encoder: Encoder) -> Message:
        target = self._module if request.get("target") is None else self._target(request["target"])
        result = services.SERVICES[request["service"]](target, *decoder.decode(request["args"]))
        return {"ok": encoder.encode(result)}

    # objects ----------------------------------------------------------------------------------------------------------

    def _target(self, request: Message) -> Any:
        if "handle" in request:
            return self._objects[request["handle"]]
        name = request["name"]
        try:
            return self._module.__dict__[name]
        except KeyError:
            raise Missing(name) from None

    def _encoder(self) -> Encoder:
        return Encoder(self._handle)

    def _handle(self, value: Any) -> Message:
        if isinstance(value, Callback):
            return {"k": "callback", "h": value.number}
        number = self._numbers.get(id(value))
        if number is None:
            if len(self._objects) >= MAX_HANDLES:
                raise WireError(f"more than {MAX_HANDLES} objects are held at one time")
            number = self._next = self._next + 1
            self._numbers[id(value)] = number
            self._objects[number] = value
        sized = hasattr(type(value), "__len__")
        return {"k": "handle", "h": number, "c": class_names(value), "z": sized, "n": remark(value)}

    def _forget(self, number: int) -> None:
        value = self._objects.pop(number, None)
        if value is not None:
            self._numbers.pop(id(value), None)

    def _resolve(self, node: Message) -> Any:
        if node["k"] == "callback":
            return Callback(self, node["h"])
        if node["k"] == "shared":
            return shared_memory.map_array(node)
        return self._objects[node["h"]]

    def call_back(self, number: int, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Ask the host to run one of its functions."""
        encoder = self._encoder()
        message = {
            "callback": number,
            "args": encoder.encode(list(arguments)),
            "kwargs": encoder.encode(dict(keywords)),
        }
        frames.send_frame(self._wire, message, encoder.buffers)
        answer, buffers = frames.read_frame(self._receive)
        if "raised" in answer:
            raise Remote(answer["raised"])
        return Decoder(buffers, self._resolve).decode(answer["ok"])

    # exceptions -------------------------------------------------------------------------------------------------------

    def _describe(self, error: BaseException) -> Message:
        try:
            message = str(error.msg if isinstance(error, SyntaxError) else error)
        except BaseException:
            message = "(its message cannot be shown)"
        described: Message = {
            "type": class_names(error),
            "message": message[:MAX_MESSAGE].encode("utf-8", "replace").decode(),
            "frames": self._frames(error),
        }
        if isinstance(error, SyntaxError):
            described["syntax"] = {
                "line": error.lineno if isinstance(error.lineno, int) else 0,
                "offset": error.offset if isinstance(error.offset, int) else 0,
                "text": (error.text if isinstance(error.text, str) else "")[:200],
                "file": label(error.filename, self._folder) or "",
            }
        return described

    def _frames(self, error: BaseException) -> list[Any]:
        """The student's own frames: ``[file or cell, line, function, source line]``."""
        return self._own(itertools.islice(traceback.walk_tb(error.__traceback__), MAX_DEPTH))

    def _own(self, walked: Iterable[tuple[types.FrameType, int]]) -> list[Any]:
        """Those of ``(frame, line)`` pairs that are the student's: ``[file or cell, line, function, source line]``."""
        result = []
        for frame, line in walked:
            name = label(frame.f_code.co_filename, self._folder)
            if name is not None:
                text = linecache.getline(frame.f_code.co_filename, line).strip()
                result.append([name, line, frame.f_code.co_name[:80], text[:200]])
        keep = MAX_FRAMES // 2
        return result if len(result) <= MAX_FRAMES else result[:keep] + result[-keep:]

    def tell_where(self, _signal: int, frame: types.FrameType | None) -> None:
        """Signal handler: the host has lost its patience and wants to know what is being run."""
        walked = list(itertools.islice(traceback.walk_stack(frame), MAX_DEPTH))
        frames.send_frame(self._wire, {"where": self._own(reversed(walked))})

    _OPERATIONS: ClassVar[dict[str, Callable[[Guest, Message, Decoder, Encoder], Message]]] = {
        "warm": _warm,
        "load": _load,
        "notebook_files": _notebook_files,
        "notebook_start": _notebook_start,
        "execute": _execute,
        "call": _call,
        "run": _run,
        "get": _get,
        "attribute": _attribute,
        "item": _item,
        "length": _length,
        "iterate": _iterate,
        "next": _next_items,
        "service": _service,
    }


class Missing(Exception):
    """The submission defines no such name."""


class Callback:
    """Stands in the guest for a function of the host's."""

    def __init__(self, guest: Guest, number: int) -> None:
        self._guest = guest
        self.number = number

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._guest.call_back(self.number, arguments, keywords)


class Iteration:
    """Keeps an iterator in the guest, so that the host can take it in batches."""

    def __init__(self, iterator: Iterator[Any]) -> None:
        self.iterator = iterator


MUTABLE = frozenset(("list", "dict", "set", "array", "tensor", "generator"))


def _same(a: Any, buffers_a: list[Any], b: Any, buffers_b: list[Any]) -> bool:
    """Tell whether two nodes stand for the same value; buffers are compared by their bytes, not by their numbers."""
    if type(a) is dict and type(b) is dict:
        if a.get("k") in ("handle", "callback"):
            return bool(a["k"] == b.get("k") and a["h"] == b["h"])
        if a.keys() != b.keys():
            return False
        return all(
            buffers_a[a[key]] == buffers_b[b[key]] if key == "b" else _same(a[key], buffers_a, b[key], buffers_b)
            for key in a
        )
    if type(a) is list and type(b) is list:
        return len(a) == len(b) and all(_same(x, buffers_a, y, buffers_b) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and bool(a == b or (a != a and b != b))


def class_names(value: Any) -> list[str]:
    """Qualified names of a value's class and its bases, nearest first, bounded."""
    names = []
    for base in type(value).__mro__[:30]:
        module = base.__module__ if isinstance(base.__module__, str) else ""
        names.append(f"{module}.{base.__qualname__}"[:120])
    return names


def remark(value: Any) -> str:
    """Why something that looks like an array stayed in the guest; empty for all else."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return f"dtype {value.dtype}"[:60]
    return ""


def label(filename: Any, folder: str) -> str | None:
    """A student's file by its name in the submission, a notebook's cell by its number; ``None`` for all other code."""
    if not isinstance(filename, str):
        return None
    if notebook.is_cell(filename):
        return filename
    if folder and filename.startswith(folder + os.sep):
        return filename[len(folder) + 1 :]
    return None


def write_files(folder: str, files: dict[str, bytes]) -> None:
    """Write files by their names relative to ``folder``, which the host has checked."""
    for path, content in files.items():
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)


def flush_output() -> None:
    """Push what was printed into the pipe; whatever the student did to these streams is his own loss."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            continue


def serve(wire: socket.socket, scratch: str) -> None:
    """Serve requests on ``wire``; the submission's files go into a folder under ``scratch``."""
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        raw = io.FileIO(descriptor, "w", closefd=False)
        stream = io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
    setattr(sys, "__stdin__", sys.stdin)  # noqa: B010  typed as final
    sys.dont_write_bytecode = True
    sys.path[:] = [entry for entry in sys.path if entry not in ("", os.getcwd())]
    linecache.cache = collections.OrderedDict()
    guest = Guest(wire, scratch)
    signal.signal(signal.SIGXCPU, guest.tell_where)
    guest.serve()
