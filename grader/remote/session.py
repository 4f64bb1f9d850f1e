"""One submission behind the wall: its guest, replaced when it is lost, and the conversation with it."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from grader.errors import InfrastructureError, TaskError
from grader.model import Limits, SubmissionFiles
from grader.remote.clock import CallbackClock
from grader.remote.errors import (
    MissingName,
    Unusable,
    describe_raised,
    missing_text,
    raised_error,
    text_of,
)
from grader.remote.kept import KeptMemory
from grader.remote.loaded import Loaded, LoadError, read_loaded
from grader.remote.proxies import Handle, RemoteFunction, SubmissionProxy
from grader.remote.reflect import arguments_are_watched, reflect
from grader.sandbox import Guest, GuestFault, GuestKilled, GuestTimeout, SharedArray, Zygote
from grader.wall.frames import WireError
from grader.wall.guest import MAX_HANDLES
from grader.wall.values import Decoder, Encoder

# Callbacks that one call may make. A numerical gradient of a few hundred parameters stays far below.
MAX_CALLBACKS = 10_000
# CPU and wall seconds to make a GPU's context; libraries of some GiB may have to come from a cold disk.
WARM_SECONDS = 120.0
# Items that iterating over a handle may give; a data loader or a state_dict stays far below.
MAX_ITEMS = 100_000


class RemoteSession:
    """Speaks with the guest of one submission.

    Everything a test can see of a fault is also kept here, because a test may catch exceptions:
    ``fault`` (the guest was lost since :meth:`begin_test`) and ``infrastructure`` (the sandbox failed at any time).

    :param answer_filter: ``function(name, arguments, answer) -> answer``: replaces answers of top-level calls; serves
        ``grader verify``.
    :param shared: arrays that calls may pass and the guest maps instead of receiving.
    :param warm: frameworks whose GPU context is made before the submission is loaded.
    :param record: keep what a notebook's cells put out when it is loaded first, for people to read.
    """

    max_callbacks = MAX_CALLBACKS

    def __init__(
        self,
        zygote: Zygote,
        files: SubmissionFiles,
        limits: Limits,
        answer_filter: Callable[[str, tuple[Any, ...], Any], Any] | None = None,
        shared: tuple[SharedArray, ...] = (),
        warm: tuple[str, ...] = (),
        record: bool = False,
    ) -> None:
        self.submission = SubmissionProxy(self)
        self.files = files
        self.fault: GuestFault | None = None
        self.infrastructure: InfrastructureError | None = None
        self.generation = 0
        self.answer_filter = answer_filter
        self._zygote = zygote
        self._shared = shared
        self._warm = warm
        self._record = record
        self._limits = limits
        self._guest: Guest | None = None
        self._loaded: Loaded | None = None
        self._spent = 0.0  # CPU seconds of guests that are gone
        self._request = 0
        self._callbacks: dict[int, Callable[..., Any]] = {}
        self._freed: set[int] = set()
        # One handle per object, so that it goes when nobody holds it any more.
        self._handles: weakref.WeakValueDictionary[int, Handle] = weakref.WeakValueDictionary()
        self._output: list[str] = []
        self._output_room = limits.output_kb * 1024  # characters that are still kept
        self._kept = KeptMemory(limits.memory_mb)
        self._waited = 0.0  # wall seconds that the submission has kept the tests waiting

    # life -------------------------------------------------------------------------------------------------------------

    def load(self) -> Loaded:
        """Load the submission into a guest, unless one holds it already.

        Raises LoadError (it raised), GuestFault (it never finished) or InfrastructureError.
        """
        if self._guest is not None and self._loaded is not None:
            return self._loaded
        record, self._record = self._record and self.files.cells is not None, False
        if record:
            before = self._spent, self._waited, self._output_room
            with contextlib.suppress(GuestFault, LoadError):
                return self._load(record=True)
            # Pictures and texts take time and memory that are the grader's wish: no mark is lost by them.
            self._output.clear()
            self.fault = None
            self._spent, self._waited, self._output_room = before
        return self._load(record=False)

    def _load(self, *, record: bool) -> Loaded:
        left = self._limits.total_cpu_seconds - self._spent
        if left <= 0:
            raise GuestTimeout(f"The submission has used up its {self._limits.total_cpu_seconds:g} CPU seconds in all.")
        try:
            self._guest = self._zygote.spawn([array.descriptor for array in self._shared])
        except InfrastructureError as error:
            self.infrastructure = error
            raise
        self.generation += 1
        self._callbacks.clear()
        self._freed.clear()
        self._handles.clear()
        if self._warm:
            self._warm_up()
        payload = {
            "name": self.files.name,
            "entry": self.files.entry,
            "files": dict(self.files.files),
            "cells": None if self.files.cells is None else [list(cell) for cell in self.files.cells],
            "record": record,
        }
        encoder = Encoder(_refuse)
        message = {"op": "load", "payload": encoder.encode(payload)}
        limits = self._limits
        reply, _ = self._exchange(
            message, encoder.buffers, min(left, limits.load_cpu_seconds), limits.load_wall_seconds
        )
        if "raised" in reply:
            remote, _bases = describe_raised(reply["raised"])
            self.close()
            raise LoadError(remote)
        self._loaded = read_loaded(reply)
        return self._loaded

    def _warm_up(self) -> None:
        """Make the GPU contexts in the fresh guest, which has seen nothing of the submission: what fails is ours."""
        try:
            reply, _ = self._exchange({"op": "warm", "frameworks": list(self._warm)}, [], WARM_SECONDS, WARM_SECONDS)
            if "raised" not in reply:
                return
            why = str(describe_raised(reply["raised"])[0])
        except GuestFault as fault:
            self.fault = None
            why = str(fault)
        self.close()
        self.infrastructure = InfrastructureError(
            f"{' and '.join(self._warm)} cannot compute on the device in a guest: {why}", remedy="run: grader doctor"
        )
        raise self.infrastructure

    @property
    def guest(self) -> Guest | None:
        """The guest that holds the submission now, if any."""
        return self._guest

    def close(self) -> None:
        """End the guest."""
        guest, self._guest, self._loaded = self._guest, None, None
        self._callbacks.clear()  # and what they hold
        if guest is not None:
            self._output.append(guest.take_output())
            self._spent += guest.cpu_seconds()
            try:
                guest.close()
            except InfrastructureError as error:  # kept, because a test may catch it
                self.infrastructure = error
                raise

    def begin_test(self) -> None:
        """Forget the last test's fault and output."""
        self.fault = None
        self.take_output()
        self._kept.begin_test()

    def take_output(self) -> str:
        """What the submission printed since the last time."""
        if self._guest is not None:
            self._output.append(self._guest.take_output())
        text = "".join(self._output)
        self._output.clear()
        kept = text[: self._output_room]
        self._output_room -= len(kept)
        if len(kept) < len(text):
            kept += f"\n[output beyond {self._limits.output_kb} KiB is not kept]\n"
        return kept

    # operations -------------------------------------------------------------------------------------------------------

    def names(self) -> dict[str, bool]:
        """Public names of the loaded submission, each with whether it is callable."""
        return (self._loaded or self._ready()).names

    def get(self, name: str) -> Any:
        """The value of a module-level name: data, or a handle."""
        reply, buffers = self._ask({"op": "get", "name": name}, [], name)
        return self._value(reply, buffers)

    def call(self, target: dict[str, Any], where: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function or a handle; changed arguments are changed here too."""
        self._ready()
        encoder = Encoder(self._node)
        message = {"op": "call", **target, "args": encoder.encode(list(args)), "kwargs": encoder.encode(kwargs)}
        reply, buffers = self._reply(message, encoder.buffers, where)
        decoder = self._decoder(buffers)
        answer = self._decoded(decoder, reply.get("ok"))
        for place, node in self._changes(reply, args, kwargs):
            original = args[place] if isinstance(place, int) else kwargs[place]
            now = self._decoded(decoder, node)
            if isinstance(original, np.random.Generator) or arguments_are_watched():
                reflect(original, now)
        return answer

    def _changes(
        self, reply: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[tuple[int | str, Any]]:
        """The guest's list of the arguments that the call has changed: each one's place, and its value as a node."""
        told = reply.get("changed", [])
        places: set[int | str] = {*range(len(args)), *kwargs}
        for change in told if isinstance(told, list) else [None]:
            if not isinstance(change, list) or len(change) != 2 or type(change[0]) not in (int, str):
                self._lose("a change that is none")
            if change[0] not in places:
                self._lose("a change of no argument")
            places.remove(change[0])
        return [(place, node) for place, node in told]

    def call_named(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a module-level function by its name."""
        if self.answer_filter is None:
            return self.call({"name": name}, name, args, kwargs)
        try:
            answer = self.call({"name": name}, name, args, kwargs)
        except Exception as error:
            answer = error
        answer = self.answer_filter(name, args, answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def attribute(self, handle: Handle, name: str) -> Any:
        """An attribute of an object in the guest."""
        message = {"op": "attribute", "handle": self._number(handle), "attribute": name}
        reply, buffers = self._ask(message, [], f"{handle.remote_type}.{name}")
        return self._value(reply, buffers)

    def item(self, handle: Handle, index: Any) -> Any:
        """``handle[index]``."""
        encoder = Encoder(self._node)
        message = {"op": "item", "handle": self._number(handle), "index": encoder.encode(index)}
        reply, buffers = self._ask(message, encoder.buffers, f"indexing a {handle.remote_type}")
        return self._value(reply, buffers)

    def length(self, handle: Handle) -> int:
        """``len(handle)``."""
        where = f"len() of a {handle.remote_type}"
        if not handle._sized:  # list(handle) asks for a length first: a round trip, and a traceback, for each iterator
            raise Unusable(f"{where} is not possible")
        reply, buffers = self._ask({"op": "length", "handle": self._number(handle)}, [], where)
        value = self._value(reply, buffers)
        if not isinstance(value, int) or value < 0:
            raise Unusable(f"{where} is not a number")
        return value

    def iterate(self, handle: Handle) -> Any:
        """The items of an object in the guest, at most MAX_ITEMS."""
        where = f"iterating over a {handle.remote_type}"
        operation, iterator, count = "iterate", handle, 0
        while True:
            reply, buffers = self._ask({"op": operation, "handle": self._number(iterator)}, [], where)
            decoder = self._decoder(buffers)
            items = self._decoded(decoder, reply.get("ok"))
            more = self._decoded(decoder, reply.get("more"))
            if not isinstance(items, list):
                raise Unusable(f"{where} gives no items")
            empty = not items
            del reply, buffers, decoder  # nothing of a frame is held while a test uses its items, nor those used
            items.reverse()
            while items:
                count += 1
                if count > MAX_ITEMS:
                    raise Unusable(f"{where} gives more than {MAX_ITEMS} items")
                yield items.pop()
            if more is None:
                return
            if empty or not isinstance(more, Handle):
                raise Unusable(f"{where} gives no items")
            operation, iterator = "next", more

    def service(self, name: str, target: Any, args: tuple[Any, ...]) -> Any:
        """Run a guest's service on the submission, one of its functions, or a handle."""
        self._ready()
        encoder = Encoder(self._node)
        message: dict[str, Any] = {"op": "service", "service": name, "args": encoder.encode(list(args))}
        where = name
        if isinstance(target, Handle):
            message["target"], where = {"handle": self._number(target)}, target.remote_type
        elif isinstance(target, RemoteFunction):
            message["target"], where = {"name": target.remote_name}, target.remote_name
        reply, buffers = self._reply(message, encoder.buffers, where)
        return self._value(reply, buffers)

    def _free(self, generation: int, number: int) -> None:
        """A handle is no longer held; the guest is told with the next request."""
        if generation == self.generation:
            self._freed.add(number)

    # conversation -----------------------------------------------------------------------------------------------------

    def _ready(self) -> Loaded:
        if self._guest is not None and not self._guest.alive():
            self.close()  # it ended between two calls: nobody's answer is lost
        try:
            return self.load()
        except GuestFault as fault:
            self.fault = fault
            raise
        except LoadError as error:
            self.fault = GuestKilled(f"The submission could not be loaded a second time: {error}")
            raise self.fault from None

    def _ask(self, message: dict[str, Any], buffers: list[Any], where: str) -> tuple[dict[str, Any], list[bytearray]]:
        self._ready()
        return self._reply(message, buffers, where)

    def _reply(self, message: dict[str, Any], buffers: list[Any], where: str) -> tuple[dict[str, Any], list[bytearray]]:
        """As :meth:`_ask`, of a guest that is ready."""
        limits = self._limits
        reply, received = self._exchange(message, buffers, limits.cpu_seconds, limits.wall_seconds)
        if "raised" in reply:
            raise raised_error(reply["raised"], where)
        if "missing" in reply:
            raise MissingName(missing_text(where, self.files.entry, self.names()))
        if "refused" in reply:
            raise Unusable(f"The result of {where} cannot be used: {text_of(reply['refused'], 300)}.")
        return reply, received

    def _exchange(
        self, message: dict[str, Any], buffers: list[Any], cpu_seconds: float, wall_seconds: float
    ) -> tuple[dict[str, Any], list[bytearray]]:
        """Send one request and serve callbacks until its reply is in."""
        guest = self._guest
        if guest is None:
            raise InfrastructureError("a request without a guest")
        self._request += 1
        message["id"] = self._request
        if self._freed:
            message["free"] = list(self._freed)
            self._freed.clear()
        start = time.monotonic()
        wall_seconds = min(wall_seconds, self._limits.total_wall_seconds - self._waited)
        clock = CallbackClock(guest, cpu_seconds, wall_seconds)
        callbacks, raised = 0, None
        try:
            while True:
                before = guest.received_bytes
                reply, received = guest.exchange(
                    message, buffers, cpu_seconds=cpu_seconds, wall_seconds=clock.wall_seconds_left()
                )
                self._receive(sum(map(len, received)), guest.received_bytes - before)
                if "callback" not in reply:
                    break
                callbacks += 1
                if callbacks > self.max_callbacks:
                    raise GuestKilled(f"The call came back to the test more than {self.max_callbacks} times.")
                clock.look()
                message, buffers, error = self._serve_callback(reply, received)
                raised = raised or error
            if reply.get("id") != self._request:
                raise GuestKilled("The submission's process sent an answer that nobody had asked for.")
        except GuestFault as fault:
            self.fault = fault
            self.close()
            raise
        except InfrastructureError as error:
            self.infrastructure = error
            raise
        except Exception as error:  # a defect of ours: it must not pass for the ValueError that a test waits for
            self.close()
            self.infrastructure = InfrastructureError(f"the wall failed: {type(error).__name__}: {error}")
            raise self.infrastructure from error
        except BaseException:  # out of a callback (pytest.fail, pytest.skip): the guest still waits for its answer
            self.close()
            raise
        finally:
            self._waited += time.monotonic() - start
        if raised is not None:
            raise raised
        return reply, received

    def _receive(self, buffers: int, frame: int) -> None:
        """Charge the bytes of a frame and of the buffers in it; GuestMemory where the tests keep too much."""
        self._kept.receive(buffers, frame - buffers)

    def _serve_callback(
        self, reply: dict[str, Any], received: list[bytearray]
    ) -> tuple[dict[str, Any], list[Any], Exception | None]:
        number = reply["callback"]
        function = self._callbacks.get(number) if type(number) is int else None
        if function is None:
            raise GuestKilled("The submission's process called a function that it was not given.")
        try:
            decoder = self._decoder(received)
            arguments, keywords = decoder.decode(reply.get("args")), decoder.decode(reply.get("kwargs"))
            if not isinstance(arguments, list) or not isinstance(keywords, dict):
                raise WireError("a call without arguments")
            keywords = {str(key): value for key, value in keywords.items()}
        except WireError as error:
            raise GuestKilled(f"The submission's process sent something that is no call ({error}).") from None
        encoder = Encoder(self._node)
        try:
            return {"ok": encoder.encode(function(*arguments, **keywords))}, encoder.buffers, None
        except Exception as error:
            return {"raised": type(error).__name__}, [], error

    # values -----------------------------------------------------------------------------------------------------------

    def _value(self, reply: dict[str, Any], buffers: list[bytearray]) -> Any:
        return self._decoded(self._decoder(buffers), reply.get("ok"))

    def _decoded(self, decoder: Decoder, node: Any) -> Any:
        try:
            return decoder.decode(node)
        except WireError as error:
            self._lose(str(error))

    def _lose(self, why: str) -> NoReturn:
        """Give the guest up: what it sent is no answer."""
        self.fault = GuestKilled(f"The submission's process sent something that is no answer ({why}).")
        self.close()
        raise self.fault

    def _decoder(self, buffers: list[bytearray]) -> Decoder:
        return Decoder(buffers, self._resolve)

    def _resolve(self, node: dict[str, Any]) -> Any:
        number = node.get("h")
        if node["k"] == "shared":
            raise WireError("memory that the host shares is never sent back")
        if type(number) is not int or not 0 <= number < 2**53:
            raise WireError("a handle without a number")
        if node["k"] == "callback":
            if number not in self._callbacks:
                raise WireError("a function that was never given")
            return self._callbacks[number]
        classes = node.get("c")
        self._freed.discard(number)
        handle = self._handles.get(number)
        if handle is None:
            if len(self._handles) >= MAX_HANDLES:
                raise WireError("too many objects at one time")
            told = classes if isinstance(classes, list) and classes else ["object"]
            names = tuple(text_of(name, 120) for name in told[:30])
            sized = node.get("z") is not False
            handle = Handle(self.generation, number, names, text_of(node.get("n"), 60), self, sized=sized)
            self._handles[number] = handle
            weakref.finalize(handle, self._free, self.generation, number).atexit = False
        return handle

    def _node(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Handle):
            return {"k": "handle", "h": self._number(value)}
        if isinstance(value, RemoteFunction):
            handle = self.get(value.remote_name)
            if isinstance(handle, Handle):
                value.keep(handle)
                return {"k": "handle", "h": self._number(handle)}
        if isinstance(value, SharedArray):
            place = self._shared.index(value)
            return {"k": "shared", "n": place, "d": value.dtype.str, "s": list(value.shape)}
        if callable(value):
            number = len(self._callbacks) + 1
            self._callbacks[number] = value
            return {"k": "callback", "h": number}
        return _refuse(value)

    def _number(self, handle: Handle) -> int:
        if handle._generation != self.generation or self._guest is None or not self._guest.alive():
            raise Unusable("The object was lost when the submission's process ended.")
        return handle._number


def _refuse(value: Any) -> dict[str, Any]:
    raise TaskError(
        f"a test passes a {type(value).__name__} to the submission, which cannot cross the wall",
        remedy="pass plain data, arrays, tensors, a Generator or a function",
    )
