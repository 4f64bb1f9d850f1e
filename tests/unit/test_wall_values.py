"""Values: what crosses the wall arrives as it was; what may not is refused by name.

Any node gives a value or a WireError.
"""

import math
import resource
import subprocess
import sys
import textwrap
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from grader.wall import values
from grader.wall.frames import WireError, pack, unpack_bytes
from grader.wall.values import Decoder, Encoder

torch = pytest.importorskip("torch", reason="the wall carries torch tensors; install the torch extra")


class Refused(Exception):
    """An encoder met what is no data."""


def refuse(value: Any) -> Any:
    raise Refused(type(value).__name__)


def across(value: Any) -> Any:
    """The value after its way through encoder, frame and decoder."""
    encoder = Encoder(refuse)
    node = encoder.encode(value)
    message, buffers = unpack_bytes(b"".join(map(bytes, pack({"ok": node}, encoder.buffers))))
    return Decoder(buffers, refuse).decode(message["ok"])


def decode(node: Any, *buffers: bytes) -> Any:
    def no_handle(_node: Any) -> Any:
        raise WireError("no handles here")

    return Decoder([bytearray(buffer) for buffer in buffers], no_handle).decode(node)


def assert_same(a: Any, b: Any) -> None:
    """Equal in type and value, NaN and the sign of zero included; a NaN's sign is no part of its value."""
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes()
    elif isinstance(a, float):
        assert math.isnan(a) or math.copysign(1, a) == math.copysign(1, b)
        assert a == b or (a != a and b != b)
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    else:
        assert a == b


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats()
    | st.complex_numbers(allow_nan=False)
    | st.text(max_size=30)
    | st.binary(max_size=30)
)
KEYS = st.integers() | st.text(max_size=8) | st.tuples(st.integers(), st.text(max_size=3)) | st.booleans() | st.none()
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
    ),
    max_leaves=15,
)
ARRAYS = npst.arrays(
    npst.boolean_dtypes()
    | npst.integer_dtypes()
    | npst.unsigned_integer_dtypes()
    | npst.floating_dtypes(sizes=(16, 32, 64))
    | npst.complex_number_dtypes(sizes=(64, 128))
    | npst.unicode_string_dtypes(max_len=8),
    npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(PLAIN)
def test_plain_values_arrive_as_they_were(value: Any) -> None:
    assert_same(across(value), value)


@given(ARRAYS)
def test_arrays_arrive_as_they_were(array: np.ndarray) -> None:
    assert_same(across(array), np.ascontiguousarray(array).reshape(array.shape))


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.arange(20)[::-3],
        np.arange(12).reshape(3, 4).T,
        np.broadcast_to(np.float32(2.5), (3, 2)),
        np.array(3.5),
        np.empty((0, 3)),
        np.array(["ä", "日本", "😀"]),
        np.arange(3, dtype=">f8"),
        np.arange(3, dtype=np.float16),
    ],
    ids=["fortran", "strided", "transposed", "broadcast", "0-d", "empty", "unicode", "big-endian", "float16"],
)
def test_arrays_of_every_layout(array: np.ndarray) -> None:
    there = across(array)
    assert (there.dtype, there.shape) == (array.dtype, array.shape)
    assert np.array_equal(there, array)
    if there.size:
        there[...] = there.flat[0]  # it is a copy that can be written to


@pytest.mark.parametrize("scalar", [np.float64(1.5), np.float32("nan"), np.int8(-3), np.bool_(True), np.complex64(1j)])
def test_numpy_scalars_keep_their_type(scalar: np.generic) -> None:
    there = across(scalar)
    assert type(there) is type(scalar)
    assert there.tobytes() == scalar.tobytes()


def test_subclasses_arrive_as_their_base() -> None:
    class Text(str):
        def __str__(self) -> str:
            return "another text"

    class Number(float):
        def __add__(self, other: float) -> float:
            return 42.0

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = float.__hash__

    class Items(list):
        def __iter__(self) -> Any:
            return iter([1, 2, 3])

    assert_same(across([Text("x"), Number(1.0), Items([7]), True]), ["x", 1.0, [7], True])


@pytest.mark.parametrize("name", values.TORCH_DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 2), (2, 3)])
def test_tensors_of_every_dtype(name: str, shape: tuple[int, ...]) -> None:
    tensor = torch.arange(math.prod(shape)).reshape(shape).to(getattr(torch, name))
    there = across(tensor)
    assert (there.dtype, there.shape) == (tensor.dtype, tensor.shape)
    assert torch.equal(there, tensor)


def test_tensors_are_detached_and_contiguous() -> None:
    tensor = torch.arange(6.0).reshape(2, 3).t().requires_grad_()
    there = across(tensor)
    assert torch.equal(there, tensor.detach())
    assert not there.requires_grad
    assert across(torch.nn.Parameter(torch.ones(2))).tolist() == [1.0, 1.0]
    assert across((torch.ones(2) * 1j).conj()).tolist() == [-1j, -1j]


def test_meta_tensors_carry_their_shape_alone() -> None:
    there = across(torch.empty(512, 25088, 4096, device="meta", dtype=torch.bfloat16))
    assert there.is_meta
    assert (there.shape, there.dtype) == ((512, 25088, 4096), torch.bfloat16)


def test_dtypes_cross() -> None:
    assert across([torch.float32, torch.bfloat16]) == [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("name", values.GENERATORS)
def test_generators_cross_by_their_state(name: str) -> None:
    rng = np.random.Generator(getattr(np.random, name)(7))
    rng.integers(0, 5, size=3, dtype=np.int32)  # leaves half of a 64-bit draw behind
    there = across(rng)
    assert (
        there.integers(0, 1000, size=50, dtype=np.int32).tolist() == rng.integers(0, 1000, 50, dtype=np.int32).tolist()
    )
    assert there.normal(size=50).tolist() == rng.normal(size=50).tolist()


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**4095, -(2**4095)])
def test_large_ints(number: int) -> None:
    assert across(number) == number


@pytest.mark.parametrize("length", [values.MAX_INLINE_TEXT, values.MAX_INLINE_TEXT + 1, 2_000_000])
def test_long_text(length: int) -> None:
    text = "😀\udc80"[: length % 2 + 1] * (length // (length % 2 + 1))
    assert across(text) == text


def looped() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (2**4096, "4096 bits"),
        (looped(), "holding itself"),
        ([0] * (values.MAX_NODES + 1), "parts"),
    ],
    ids=["int", "cycle", "size"],
)
def test_what_is_too_large_is_refused_by_name(value: Any, why: str) -> None:
    with pytest.raises(WireError, match=why):
        Encoder(refuse).encode(value)


def test_depth_has_the_same_bound_on_both_sides() -> None:
    value: Any = 1
    for _ in range(values.MAX_DEPTH):
        value = [value]
    assert across(value) == value
    with pytest.raises(WireError, match="nested"):
        across([[value]])
    node: Any = 1
    for _ in range(values.MAX_DEPTH + 1):
        node = {"k": "list", "v": [node]}
    with pytest.raises(WireError, match="nested"):
        decode(node)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        print,
        type,
        np.array([1, None]),
        np.zeros(2, dtype="M8[s]"),
        np.zeros(2, dtype="i4,f4"),
        np.zeros(2, dtype="S3"),
        np.longdouble(1),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        torch.ones(2).to_sparse(),
        range(3),
        (i for i in ()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_plain_data_goes_to_the_handler(value: Any) -> None:
    with pytest.raises(Refused):
        Encoder(refuse).encode([value])


@pytest.mark.parametrize(
    ("node", "buffers"),
    [
        ([], ()),
        ({}, ()),
        ({"k": []}, ()),
        ({"k": "pickle", "b": 0}, (b"cos\nsystem\n",)),
        ({"k": "list"}, ()),
        ({"k": "list", "v": "abc"}, ()),
        ({"k": "list", "v": {"0": 1}}, ()),
        ({"k": "dict", "v": ["ab", "cd"]}, ()),
        ({"k": "dict", "v": [[{"k": "list", "v": []}, 1]]}, ()),
        ({"k": "set", "v": [{"k": "dict", "v": []}]}, ()),
        ({"k": "bytes", "b": 0}, ()),
        ({"k": "bytes", "b": -1}, (b"x",)),
        ({"k": "bytes", "b": True}, (b"x", b"y")),
        ({"k": "bytes", "b": "0"}, (b"x",)),
        ({"k": "text", "b": 0}, (b"\xff",)),
        ({"k": "complex", "v": [1]}, ()),
        ({"k": "complex", "v": ["a", "b"]}, ()),
        ({"k": "int", "v": "zz"}, ()),
        ({"k": "int", "v": 5}, ()),
        ({"k": "int", "v": "1" * 2000}, ()),
        (2**64, ()),
        ({"k": "array", "d": "|O", "s": [1], "b": 0}, (bytes(8),)),
        ({"k": "array", "d": "O", "s": [1], "b": 0}, (bytes(8),)),
        ({"k": "array", "d": "i4,O", "s": [1], "b": 0}, (bytes(12),)),
        ({"k": "array", "d": "2f8", "s": [1], "b": 0}, (bytes(16),)),
        ({"k": "array", "d": "<f8", "s": [2], "b": 0}, (bytes(8),)),
        ({"k": "array", "d": "<f8", "s": [], "b": 0}, (b"",)),
        ({"k": "array", "d": "<f8", "s": [-1, -1], "b": 0}, (bytes(8),)),
        ({"k": "array", "d": "<f8", "s": [True], "b": 0}, (bytes(8),)),
        ({"k": "array", "d": "<f8", "s": [1] * 33, "b": 0}, (bytes(8),)),
        ({"k": "array", "d": "<f8", "s": [2**40, 0], "b": 0}, (b"",)),
        ({"k": "array", "d": "<f8", "s": "1", "b": 0}, (bytes(8),)),
        ({"k": "array", "d": "<f8", "b": 0}, (bytes(8),)),
        ({"k": "array", "d": "<U1", "s": [1], "b": 0}, (b"\xff\xff\xff\x7f",)),
        ({"k": "array", "d": ">U1", "s": [1], "b": 0}, (b"\x7f\xff\xff\xff",)),
        ({"k": "array", "d": "|b1", "s": [1], "b": 0}, (b"\x02",)),
        ({"k": "scalar", "d": "|b1", "b": 0}, (b"\x02",)),
        ({"k": "scalar", "d": "<f8", "b": 0}, (bytes(16),)),
        ({"k": "tensor", "f": "torch", "d": "bool", "s": [1], "b": 0}, (b"\x80",)),
        ({"k": "tensor", "f": "torch", "d": "save", "s": [1], "b": 0}, (bytes(4),)),
        ({"k": "tensor", "f": "os", "d": "float32", "s": [1], "b": 0}, (bytes(4),)),
        ({"k": "tensor", "f": "torch", "d": ["float32"], "s": [1], "b": 0}, (bytes(4),)),
        ({"k": "tensor", "f": "torch", "d": "float32", "s": [2**40] * 4, "meta": True}, ()),
        ({"k": "dtype", "f": "torch", "d": "load"}, ()),
        ({"k": "generator", "n": "SeedSequence", "v": None}, ()),
        ({"k": "generator", "n": "PCG64", "v": {"k": "dict", "v": []}}, ()),
        ({"k": "handle", "h": 1}, ()),
        ({"k": "callback", "h": 1}, ()),
    ],
)
def test_malformed_nodes_give_a_wire_error(node: Any, buffers: tuple[bytes, ...]) -> None:
    with pytest.raises(WireError):
        decode(node, *buffers)


def generator_node(rng: np.random.Generator, **changes: int) -> tuple[Any, list[bytes]]:
    """A generator's node, its state changed in the dict that has the key."""
    state: dict[str, Any] = dict(rng.bit_generator.state)
    for key, value in changes.items():
        inner = state if key in state else state["state"]
        inner[key] = value
    encoder = Encoder(refuse)
    node = {"k": "generator", "n": type(rng.bit_generator).__name__, "v": encoder.encode(state)}
    return node, encoder.buffers


@pytest.mark.parametrize("place", [-1, 625, 10**6, -(10**6)])
def test_a_generator_cannot_read_beyond_its_state(place: int) -> None:
    """NumPy would take the place as it is, and read memory of the grader's there at the next draw."""
    node, buffers = generator_node(np.random.Generator(np.random.MT19937(1)), pos=place)
    with pytest.raises(WireError):
        decode(node, *map(bytes, buffers))
    node, buffers = generator_node(np.random.Generator(np.random.Philox(1)), buffer_pos=place)
    with pytest.raises(WireError):
        decode(node, *map(bytes, buffers))


def test_a_buffer_belongs_to_one_node() -> None:
    """A few bytes of text for each copy would otherwise make gigabytes out of one buffer."""
    with pytest.raises(WireError, match="same buffer"):
        decode({"k": "list", "v": [{"k": "bytes", "b": 0}] * 2}, b"x")
    with pytest.raises(WireError, match="same buffer"):
        decode({"k": "list", "v": [{"k": "array", "d": "|u1", "s": [1], "b": 0}] * 2}, b"x")


CHOSEN = {
    "large ints": [{"k": "int", "v": hex(k * (2**61 - 1))} for k in range(1, 60_000)],
    "complex": [{"k": "complex", "v": [float(10**12 - 1000003 * k), float(k)]} for k in range(60_000)],
    "tuples": [{"k": "tuple", "v": [{"k": "int", "v": hex(k * (2**61 - 1))}, 0]} for k in range(1, 60_000)],
}


@pytest.mark.parametrize("kind", CHOSEN)
@pytest.mark.parametrize("container", ["set", "frozenset", "dict"])
@pytest.mark.parametrize("pieces", [1, 100])
def test_keys_with_chosen_hashes_cost_no_time(kind: str, container: str, pieces: int) -> None:
    keys = CHOSEN[kind]
    each = len(keys) // pieces
    parts = []
    for start in range(0, each * pieces, each):
        part: list[Any] = keys[start : start + each]
        parts.append({"k": container, "v": [[key, 0] for key in part] if container == "dict" else part})
    start_time = time.process_time()
    with pytest.raises(WireError, match="keys"):
        decode({"k": "list", "v": parts})
    assert time.process_time() - start_time < 5


def test_honest_keys_are_many() -> None:
    words = {f"word {i}": i for i in range(30_000)}
    assert across(words) == words
    back = dict.fromkeys(range(-9_000, 9_000))
    assert across(back) == back
    pixels = {(x, y) for x in range(100) for y in range(150)}
    assert across(pixels) == pixels


# Nodes that are nearly right: the right keys, with contents that fit now and then.
NUMBERS = st.integers(-2, 5) | st.sampled_from([2**31, 2**48, 2**63, -(2**63), 2**64])
SHAPES = st.lists(st.integers(0, 4), max_size=4) | st.lists(NUMBERS, max_size=40) | st.text(max_size=2) | NUMBERS
DTYPES = st.sampled_from(
    ["<f8", "|b1", "<U2", ">i4", "|O", "O", "<f16", "<c16", "i4,O", "|V8", "<M8[s]", "<U9999", "f"]
)
NAMES = st.sampled_from([*values.TORCH_DTYPES, *values.GENERATORS, "load", "", "torch"]) | st.text(max_size=3)


def nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    items = st.lists(inner, max_size=4)
    pairs = st.lists(st.tuples(inner, inner).map(list) | inner, max_size=4)
    buffer = st.integers(-1, 4) | inner
    state = st.fixed_dictionaries(
        {}, optional={"state": inner, "inc": inner, "pos": inner, "key": inner, "bit_generator": NAMES}
    ).map(lambda state: {"k": "dict", "v": [[key, value] for key, value in state.items()]})
    return st.one_of(
        st.fixed_dictionaries({"k": st.sampled_from(["list", "tuple", "set", "frozenset"]), "v": items | inner}),
        st.fixed_dictionaries({"k": st.just("dict"), "v": pairs | inner}),
        st.fixed_dictionaries({"k": st.sampled_from(["bytes", "text"]), "b": buffer}),
        st.fixed_dictionaries({"k": st.sampled_from(["complex", "int"]), "v": items | inner}),
        st.fixed_dictionaries(
            {"k": st.sampled_from(["array", "scalar"]), "d": DTYPES | NAMES, "s": SHAPES, "b": buffer}
        ),
        st.fixed_dictionaries(
            {"k": st.just("tensor"), "f": st.just("torch") | NAMES, "d": NAMES, "s": SHAPES, "b": buffer},
            optional={"meta": st.booleans(), "v": inner},
        ).filter(lambda node: node["f"] != "tensorflow"),  # would import it here
        st.fixed_dictionaries({"k": st.just("generator"), "n": NAMES, "v": state | inner}),
        st.fixed_dictionaries(
            {"k": st.sampled_from(["handle", "callback", "dtype"]), "h": NUMBERS, "f": NAMES, "d": NAMES}
        ),
        st.dictionaries(st.sampled_from(["k", "v", "b", "d", "s", "f", "n"]), inner, max_size=4),
        items,
    )


LEAVES = st.none() | st.booleans() | NUMBERS | st.floats() | st.text(max_size=4) | st.integers(-(2**80), 2**80)
NODES = st.recursive(LEAVES, nodes, max_leaves=20)
BUFFERS = st.lists(st.binary(max_size=64) | st.sampled_from([bytes(8), bytes(16), b"\x01\x00"]), max_size=5)
DATA = (type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, np.ndarray, np.generic)


@given(NODES, BUFFERS)
@settings(max_examples=700, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_any_node_gives_a_value_or_a_wire_error(node: Any, buffers: list[bytes]) -> None:
    try:
        value = decode(node, *buffers)
    except WireError:
        return
    assert isinstance(value, (*DATA, torch.Tensor, torch.dtype, np.random.Generator))
    repr(value)  # a value that cannot be shown would fail later, in a test or a message


@given(nodes(LEAVES), BUFFERS)
@settings(max_examples=700, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_any_single_node_gives_a_value_or_a_wire_error(node: Any, buffers: list[bytes]) -> None:
    try:
        repr(decode(node, *buffers))
    except WireError:
        return


def test_the_largest_frames_decode_in_bounded_time_and_memory() -> None:
    """Frames as large as allowed, of the most expensive shapes; the process may take 1.5 GiB and 60 CPU seconds."""
    script = textwrap.dedent(
        """
        import json, numpy
        from grader.wall import frames, values
        from grader.wall.frames import HEADER, MAGIC, WireError, unpack_bytes

        def attempt(name, text, buffers=()):
            sizes = b"".join(len(b).to_bytes(8, "big") for b in buffers)
            data = HEADER.pack(MAGIC, len(text), len(buffers)) + sizes + text + b"".join(buffers)
            try:
                message, received = unpack_bytes(data)
                values.Decoder(received, None).decode(message["ok"])
                print(name, "value")
            except WireError:
                print(name, "refused")

        room = frames.MAX_JSON_BYTES - 100
        attempt("empty lists", b'{"ok":[' + b"[]," * (room // 3) + b"[]]}")
        attempt("empty objects", b'{"ok":[' + b"{}," * (room // 3) + b"{}]}")
        attempt("numbers", b'{"ok":{"k":"list","v":[' + b"1," * (room // 2 - 20) + b"1]}}")
        one = b'{"k":"bytes","b":0},'
        attempt("one buffer often", b'{"ok":{"k":"list","v":[' + one * 100_000 + b"0]}}", [bytes(1 << 20)])
        tensor = b'{"k":"tensor","f":"torch","d":"float32","s":[1000000,1000000],"meta":true},'
        attempt("meta tensors", b'{"ok":{"k":"list","v":[' + tensor * 20_000 + b"0]}}")
        empty = b'{"k":"array","d":"<f8","s":[1048576,0],"b":%d},'
        empties = b"".join(empty % i for i in range(4000))
        attempt("empty arrays", b'{"ok":{"k":"list","v":[' + empties + b"0]}}", [b""] * 4000)
        attempt("large array", b'{"ok":{"k":"array","d":"|u1","s":[150000000],"b":0}}', [bytes(150_000_000)])
        attempt("digits", b'{"ok":' + b"9" * room + b"}")
        attempt("nesting", b'{"ok":' + b"[" * room + b"}")
        """
    )

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        resource.setrlimit(resource.RLIMIT_DATA, (1536 * 2**20, 1536 * 2**20))

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, preexec_fn=limited
    )
    assert result.returncode == 0, result.stderr
    told = dict(line.rsplit(" ", 1) for line in result.stdout.splitlines())
    assert len(told) == 9
    assert [name for name in told if told[name] == "value"] == ["meta tensors", "empty arrays", "large array"]
