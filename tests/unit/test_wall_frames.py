"""Frames: what is packed is what is read, and any other bytes give a WireError."""

import socket
import struct
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.wall import frames
from grader.wall.frames import HEADER, MAGIC, WireError, pack, read_frame, unpack_bytes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def joined(message: dict, buffers: list = []) -> bytes:  # noqa: B006  never changed
    return b"".join(map(bytes, pack(message, buffers)))


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5), st.lists(st.binary(max_size=200), max_size=5))
def test_round_trip(message: dict, buffers: list[bytes]) -> None:
    read, received = unpack_bytes(joined(message, buffers))
    assert read == message
    assert received == buffers
    assert all(type(buffer) is bytearray for buffer in received)


def test_special_floats_cross() -> None:
    read, _ = unpack_bytes(joined({"a": [float("inf"), float("-inf"), float("nan")]}))
    assert read["a"][:2] == [float("inf"), float("-inf")]
    assert read["a"][2] != read["a"][2]


@given(st.binary(max_size=400))
@settings(max_examples=400)
def test_any_bytes_give_a_frame_or_a_wire_error(data: bytes) -> None:
    assert_frame_or_wire_error(data)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 2**64 - 1), max_size=4),
    st.binary(max_size=100),
)
@settings(max_examples=400)
def test_any_lengths_give_a_frame_or_a_wire_error(text: int, count: int, sizes: list[int], rest: bytes) -> None:
    assert_frame_or_wire_error(HEADER.pack(MAGIC, text, count) + struct.pack(f"!{len(sizes)}Q", *sizes) + rest)


@given(st.integers(0, 60), st.integers(0, 255), st.lists(st.binary(max_size=20), max_size=3))
@settings(max_examples=400)
def test_a_damaged_frame_gives_a_frame_or_a_wire_error(place: int, byte: int, buffers: list[bytes]) -> None:
    data = bytearray(joined({"id": 1, "ok": {"k": "bytes", "b": 0}}, buffers))
    data[place % len(data)] = byte
    assert_frame_or_wire_error(bytes(data))


def assert_frame_or_wire_error(data: bytes) -> None:
    try:
        message, buffers = unpack_bytes(data)
    except WireError:
        return
    assert type(message) is dict
    assert sum(map(len, buffers)) <= len(data)


@pytest.mark.parametrize(
    ("text", "count", "sizes"),
    [
        (frames.MAX_JSON_BYTES + 1, 0, []),
        (0, frames.MAX_BUFFERS + 1, []),
        (2, 1, [frames.MAX_FRAME_BYTES]),
        (2, 2, [2**63, 2**63]),
    ],
)
def test_announced_lengths_are_refused_before_memory_is_taken(text: int, count: int, sizes: list[int]) -> None:
    head = HEADER.pack(MAGIC, text, count) + struct.pack(f"!{len(sizes)}Q", *sizes)
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match="announces more"):
            unpack_bytes(head + b"{}")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "ends early"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "no frame"),
        (HEADER.pack(MAGIC, 2, 0) + b"[]", "not an object"),
        (HEADER.pack(MAGIC, 2, 0) + b"{]", "no JSON"),
        (HEADER.pack(MAGIC, 4, 0) + "{é}".encode(), "no JSON"),
        (HEADER.pack(MAGIC, 2, 0) + b"{}x", "left over"),
        (HEADER.pack(MAGIC, 5, 0) + b"{}", "ends early"),
        (HEADER.pack(MAGIC, 200_000, 0) + b"[" * 200_000, "no JSON"),
        (HEADER.pack(MAGIC, 6005, 0) + b'{"":' + b"9" * 6000 + b"}", "no JSON"),
    ],
)
def test_refusals_say_why(data: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why):
        unpack_bytes(data)


@pytest.mark.parametrize(
    "buffers", [[b"x"] * (frames.MAX_BUFFERS + 1), [memoryview(bytes(frames.MAX_FRAME_BYTES))]], ids=["many", "large"]
)
def test_what_is_too_large_is_not_sent(buffers: list) -> None:
    with pytest.raises(WireError, match="too large"):
        pack({}, buffers)
    with pytest.raises(WireError, match="too large"):
        pack({"text": "x" * frames.MAX_JSON_BYTES})


@pytest.mark.parametrize("size", [10, 70_000, 3_000_000])
def test_frames_cross_a_socket(size: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(20)
        content = bytes(range(256)) * (size // 256 + 1)
        sender = threading.Thread(target=frames.send_frame, args=(theirs, {"n": size}, [content, b""]))
        sender.start()
        message, buffers = read_frame(frames.receiver(ours))
        sender.join()
        assert (message, buffers) == ({"n": size}, [bytearray(content), bytearray()])
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(EOFError):
            read_frame(frames.receiver(ours))


def test_the_wall_needs_the_standard_library_alone(tmp_path: Path) -> None:
    """Importing every module of the folder, as the box does, asks for nothing but the standard library."""
    wall = Path(frames.__file__).parent
    script = textwrap.dedent(
        """
        import sys
        sys.path[:] = [entry for entry in sys.path if "-packages" not in entry]

        class Refuse:
            def find_spec(self, name, path=None, target=None):
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "wall":
                    raise AssertionError(f"the wall imports {name}")

        sys.meta_path.insert(0, Refuse())
        sys.path.insert(0, sys.argv[1])
        import importlib, pathlib
        names = sorted(path.stem for path in pathlib.Path(sys.argv[1], "wall").glob("*.py"))
        for name in names:
            importlib.import_module("wall" if name == "__init__" else f"wall.{name}")
        print(len(names))
        """
    )
    (tmp_path / "wall").symlink_to(wall, target_is_directory=True)
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) == len(list(wall.glob("*.py"))) > 5
