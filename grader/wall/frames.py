"""Frames: JSON text plus raw binary buffers, length-prefixed, on a stream socket.

::

    magic "GW1\\n" | json length u32 | buffer count u32 | buffer lengths u64 × count | json | buffers      (big endian)

Every length is checked against a bound before a byte is allocated for it. Whatever arrives, reading gives a frame or
:class:`WireError`.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

MAGIC = b"GW1\n"
HEADER = struct.Struct("!4sII")

# A node of JSON takes about ten bytes and values.MAX_NODES is 200,000: 8 MiB leaves room for long strings.
MAX_JSON_BYTES = 8 * 2**20
# One buffer per array; no assignment passes more than some dozens, a state_dict of a large model some hundreds.
MAX_BUFFERS = 4096
# VGG's largest layer (25088 × 4096 float32) is 392 MiB and no test moves it; 4096 × 4096 float32, 64 MiB, may be.
MAX_FRAME_BYTES = 160 * 2**20


# Received in one system call beyond what is asked for: most frames are smaller.
READ_AHEAD = 1 << 14

# json.dumps would make an encoder for each frame.
_to_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class WireError(Exception):
    """Bytes or values from the other side that are not what the format allows."""


def pack(message: dict[str, Any], buffers: Sequence[Any] = ()) -> list[Any]:
    """Return the parts of a frame, ready for ``sendmsg``: ``message`` is JSON-able, ``buffers`` are bytes-like."""
    text = _to_json(message).encode("ascii")
    sizes = [memoryview(buffer).nbytes for buffer in buffers]
    if len(text) > MAX_JSON_BYTES or len(sizes) > MAX_BUFFERS or len(text) + sum(sizes) > MAX_FRAME_BYTES:
        raise WireError(
            f"too large to cross the wall: {len(text)} bytes of text and {sum(sizes)} bytes in {len(sizes)} arrays "
            f"(at most {MAX_JSON_BYTES} and {MAX_FRAME_BYTES} in {MAX_BUFFERS})"
        )
    head = HEADER.pack(MAGIC, len(text), len(sizes)) + struct.pack(f"!{len(sizes)}Q", *sizes) + text
    return [head, *buffers]


def read_frame(receive_exactly: Callable[[int], bytearray]) -> tuple[dict[str, Any], list[bytearray]]:
    """Read one frame.

    :param receive_exactly: function ``n -> bytearray`` of exactly n bytes; it raises EOFError where the stream ends.
    :returns: ``(message, buffers)``; the buffers are bytearrays, so arrays made of them can be written to.
    """
    magic, text_size, count = HEADER.unpack(receive_exactly(HEADER.size))
    if magic != MAGIC:
        raise WireError("these bytes are no frame")
    if text_size > MAX_JSON_BYTES or count > MAX_BUFFERS:
        raise WireError("the frame announces more than the format allows")
    sizes = struct.unpack(f"!{count}Q", receive_exactly(8 * count)) if count else ()
    if text_size + sum(sizes) > MAX_FRAME_BYTES:
        raise WireError("the frame announces more bytes than the format allows")
    text = receive_exactly(text_size)
    buffers = [receive_exactly(size) for size in sizes]
    try:
        message = json.loads(text.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"the frame holds no JSON: {type(error).__name__}") from None
    if not isinstance(message, dict):
        raise WireError("the frame's JSON is not an object")
    return message, buffers


def unpack_bytes(data: bytes) -> tuple[dict[str, Any], list[bytearray]]:
    """Read one frame that lies in memory; bytes that are left over are an error."""
    view, place = memoryview(data), 0

    def take(size: int) -> bytearray:
        nonlocal place
        if place + size > len(view):
            raise EOFError
        place += size
        return bytearray(view[place - size : place])

    try:
        frame = read_frame(take)
    except EOFError:
        raise WireError("the frame ends early") from None
    if place != len(view):
        raise WireError("bytes are left over after the frame")
    return frame


def send_frame(sock: socket.socket, message: dict[str, Any], buffers: Sequence[Any] = ()) -> None:
    """Send one frame on a blocking socket."""
    parts = pack(message, buffers)
    if len(parts) == 1:
        sock.sendall(parts[0])
    elif sum(map(len, parts)) <= 65536:  # one system call for what fits a socket buffer
        sock.sendall(b"".join(parts))
    else:
        for part in parts:
            sock.sendall(part)


def receiver(sock: socket.socket) -> Callable[[int], bytearray]:
    """Return ``receive_exactly`` for a blocking socket; what is not asked for stays in the socket."""

    def receive_exactly(size: int) -> bytearray:
        data = bytearray(size)
        view, place = memoryview(data), 0
        while place < size:
            got = sock.recv_into(view[place:])
            if not got:
                raise EOFError
            place += got
        return data

    return receive_exactly


class Reader:
    """Receives from a socket that carries nothing but frames; a small frame costs one system call instead of five."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._ahead = bytearray()  # received, not asked for yet
        self.taken = 0  # bytes that were asked for so far

    @property
    def has_more(self) -> bool:
        """Whether bytes are there that were received beyond what was asked for."""
        return bool(self._ahead)

    def receive_exactly(self, size: int, wait: Callable[[], None] | None = None) -> bytearray:
        """``size`` bytes, for :func:`read_frame`.

        :param wait: called where a non-blocking socket has nothing; returns when it has.
        """
        ahead = self._ahead
        self.taken += size
        if size <= len(ahead):
            data = ahead[:size]
            del ahead[:size]
            return data
        data = bytearray(size)
        place = len(ahead)
        data[:place] = ahead
        ahead.clear()
        view = memoryview(data)
        while place < size:
            try:
                if size - place >= READ_AHEAD:
                    got = self._sock.recv_into(view[place:])
                else:
                    chunk = self._sock.recv(READ_AHEAD)
                    got = min(len(chunk), size - place)
                    view[place : place + got] = chunk[:got]
                    ahead += chunk[got:]
            except BlockingIOError:
                if wait is None:
                    raise
                wait()
                continue
            if not got:
                raise EOFError
            place += got
        return data
