"""Values that may cross the wall, as JSON nodes and buffers; both sides use this one module.

None, bool, int, float and str stand for themselves. All else is an object with a kind ``k``: list, tuple, set,
frozenset, dict, bytes, text (a long str), complex, array, scalar, tensor, dtype, generator; and ``handle`` (lives in
the guest), ``callback`` (lives on the host), ``shared`` (an array in memory that the guest was given). What is not in
this list never crosses: the encoder turns it into a handle or refuses it by name.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any, ClassVar

from .frames import WireError

# Nested lists of a few levels are usual; a JSON parser and our own recursion stay far from their limits at 40.
MAX_DEPTH = 40
# A list of 100,000 floats is a generous training history; beyond that an array is the right answer.
MAX_NODES = 200_000
# Longer text travels as a buffer: in JSON a character may take twelve bytes.
MAX_INLINE_TEXT = 4096
# One character beyond the basic plane makes Python keep four bytes for every other one too: a quarter of a frame.
MAX_WIDE_TEXT_BYTES = 40 * 2**20
# 2**4096 is more than any parameter count or factorial that a course asks for.
MAX_INT_BITS = 4096
# NumPy itself stops at 64 dimensions.
MAX_DIMENSIONS = 32

# An empty array may be long along its other axes; a loop over them on the host must stay short.
MAX_EMPTY_LENGTH = 2**20
# Keys whose hashes a sender can choose: ints, tuples and the like. 20,000 that all collide in their table's slots cost
# the host half a second, 200,000 cost it minutes. Text is hashed with a secret and has no such bound.
MAX_CHOSEN_KEYS = 20_000
# Honest keys of one container hardly ever share a whole hash (-1 and -2 do, and ints 2**61 - 1 apart).
MAX_SHARED_HASHES = 64

ARRAY_KINDS = "biufcU"
DTYPE = re.compile(r"[<>|=][biufcU][0-9]{1,4}")
TORCH_DTYPES = (
    "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
)  # fmt: skip
GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


Node = Any  # a JSON value: None, bool, int, float, str, or an object with a kind


class Encoder:
    """Turns one value into a node; ``buffers`` collects the binary parts.

    :param other: function ``value -> node`` for everything that is not plain data (a handle, a callback); it raises
        :class:`WireError` to refuse the value.
    """

    def __init__(self, other: Callable[[Any], Node]) -> None:
        self.buffers: list[Any] = []
        self._other = other
        self._nodes = 0

    def encode(self, value: Any, depth: int = 0) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise WireError(f"a value of more than {MAX_NODES} parts cannot cross the wall; use an array")
        if value is None or value is True or value is False:
            return value
        kind = type(value)  # what follows asks it and not isinstance, which believes an object's __class__
        if kind is float:
            return value
        if kind is str:
            return value if len(value) <= MAX_INLINE_TEXT else self._text(value)
        if kind is int:
            return _int_node(value)
        if depth > MAX_DEPTH:
            raise WireError(f"a value nested more than {MAX_DEPTH} deep (or holding itself) cannot cross the wall")
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            if issubclass(kind, numpy.ndarray):
                return self._array(value, numpy)
            if issubclass(kind, numpy.generic):
                return self._scalar(value, numpy)
        if issubclass(kind, list):
            return {"k": "list", "v": [self.encode(item, depth + 1) for item in list.__iter__(value)]}
        if issubclass(kind, tuple):
            return {"k": "tuple", "v": [self.encode(item, depth + 1) for item in tuple.__iter__(value)]}
        if issubclass(kind, dict):
            pairs = dict.items(value)
            return {"k": "dict", "v": [[self.encode(k, depth + 1), self.encode(v, depth + 1)] for k, v in pairs]}
        if issubclass(kind, (set, frozenset)):
            name = "set" if issubclass(kind, set) else "frozenset"
            return {"k": name, "v": [self.encode(item, depth + 1) for item in value]}
        if issubclass(kind, (bytes, bytearray)):
            return {"k": "bytes", "b": self._buffer(bytes(value))}
        if issubclass(kind, complex):
            return {"k": "complex", "v": [value.real, value.imag]}
        if issubclass(kind, int):
            return _int_node(int.__add__(value, 0))
        if issubclass(kind, float):
            return float.__add__(value, 0.0)
        if issubclass(kind, str):
            return self.encode(str.__str__(value), depth)
        node = self._framework_node(value, depth)
        return self._other(value) if node is None else node

    def _text(self, value: str) -> Node:
        return {"k": "text", "b": self._buffer(value.encode("utf-8", "surrogatepass"))}

    def _buffer(self, data: Any) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1

    def _array(self, value: Any, numpy: Any) -> Node:
        if not _can_cross(value.dtype):
            return self._other(value)
        if "numpy.ma" in sys.modules and isinstance(value, numpy.ma.MaskedArray):
            return self._other(value)
        plain = numpy.ascontiguousarray(value).view(numpy.ndarray)
        return {
            "k": "array",
            "d": value.dtype.str,
            "s": list(value.shape),
            "b": self._buffer(plain.reshape(-1).view(numpy.uint8).data if plain.size else b""),
        }

    def _scalar(self, value: Any, numpy: Any) -> Node:
        if not _can_cross(value.dtype):
            return self._other(value)
        return {"k": "scalar", "d": value.dtype.str, "b": self._buffer(value.tobytes())}

    def _framework_node(self, value: Any, depth: int) -> Node:
        kind = type(value)
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None and issubclass(kind, numpy_random.Generator):
            state = value.bit_generator.state
            return {"k": "generator", "n": type(value.bit_generator).__name__, "v": self.encode(state, depth + 1)}
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "Tensor"):
            if issubclass(kind, torch.Tensor):
                return self._torch_tensor(value, torch)
            if issubclass(kind, torch.dtype):
                return {"k": "dtype", "f": "torch", "d": str(value).rpartition(".")[2]}
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is None or not hasattr(tensorflow, "Variable"):
            return None
        if isinstance(value, (tensorflow.Tensor, tensorflow.Variable)) and hasattr(value, "numpy"):
            node = self.encode(sys.modules["numpy"].asarray(value.numpy()), depth + 1)
            return {"k": "tensor", "f": "tensorflow", "v": node}
        return None

    def _torch_tensor(self, value: Any, torch: Any) -> Node:
        name = str(value.dtype).rpartition(".")[2]
        if name not in TORCH_DTYPES or value.layout != torch.strided or value.is_quantized:
            return self._other(value)
        node: dict[str, Any] = {"k": "tensor", "f": "torch", "d": name, "s": list(value.shape)}
        if value.is_meta:
            node["meta"] = True
            return node
        plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        if plain.numel() == 0:
            node["b"] = self._buffer(b"")
            return node
        flat = plain.reshape(-1)
        flat = flat.view(torch.int16) if name == "bfloat16" else flat
        node["b"] = self._buffer(flat.numpy().view("uint8").data)
        return node


class Decoder:
    """Turns nodes back into values.

    :param buffers: the frame's buffers.
    :param other: function ``node -> value`` for the kinds ``handle``, ``callback`` and ``shared``; it raises
        :class:`WireError`.
    """

    def __init__(self, buffers: list[bytearray], other: Callable[[dict[str, Any]], Any]) -> None:
        self.buffers = buffers
        self._other = other
        self._nodes = 0
        self._taken: set[int] = set()  # numbers of the buffers that a node has claimed
        self._chosen_keys = 0

    def decode(self, node: Node) -> Any:
        """The value of one node; :class:`WireError`, and nothing else, where the node is not well formed."""
        try:
            return self._decode(node, 0)
        except WireError:
            raise
        except MemoryError:
            raise WireError("the value does not fit into memory") from None
        except Exception as error:  # a malformed node can fail anywhere in numpy or torch: one typed error for all
            raise WireError(f"malformed value: {type(error).__name__}") from None

    def _decode(self, node: Node, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise WireError("the value is too large or nested too deep")
        if node is None or isinstance(node, (bool, str, float)):
            return node
        if isinstance(node, int):
            if node.bit_length() > 64:
                raise WireError("a large int must come as hexadecimal text")
            return node
        if not isinstance(node, dict):
            raise WireError("a node must be a scalar or an object")
        kind = node.get("k")
        reader = self._READERS.get(kind) if isinstance(kind, str) else None
        if reader is None:
            raise WireError("a node of an unknown kind")
        return reader(self, node, depth)

    def _items(self, node: dict[str, Any], depth: int) -> list[Any]:
        values = node["v"]
        if not isinstance(values, list):
            raise WireError("a container's items must be a list")
        return [self._decode(item, depth + 1) for item in values]

    def _list(self, node: dict[str, Any], depth: int) -> Any:
        return self._items(node, depth)

    def _tuple(self, node: dict[str, Any], depth: int) -> Any:
        return tuple(self._items(node, depth))

    def _set(self, node: dict[str, Any], depth: int) -> Any:
        return set(self._keys(self._items(node, depth)))

    def _frozenset(self, node: dict[str, Any], depth: int) -> Any:
        return frozenset(self._keys(self._items(node, depth)))

    def _dict(self, node: dict[str, Any], depth: int) -> Any:
        pairs = node["v"]
        if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            raise WireError("a dict's items must be a list of pairs")
        keys = self._keys([self._decode(key, depth + 1) for key, _value in pairs])
        return {key: self._decode(pair[1], depth + 1) for key, pair in zip(keys, pairs, strict=True)}

    def _keys(self, keys: Any) -> Any:
        """The keys, unless their sender has chosen them so that a table of them takes minutes to build."""
        chosen = [hash(key) for key in keys if not isinstance(key, (str, bytes))]
        self._chosen_keys += len(chosen)
        if self._chosen_keys > MAX_CHOSEN_KEYS or len(chosen) - len(set(chosen)) > MAX_SHARED_HASHES:
            raise WireError("too many keys of a dict or set")
        return keys

    def _bytes(self, node: dict[str, Any], depth: int) -> Any:
        return bytes(self._buffer(node))

    def _long_text(self, node: dict[str, Any], depth: int) -> Any:
        buffer = self._buffer(node)
        if len(buffer) > MAX_WIDE_TEXT_BYTES and not buffer.isascii():
            raise WireError(f"a text beyond ASCII of more than {MAX_WIDE_TEXT_BYTES} bytes cannot cross the wall")
        return buffer.decode("utf-8", "surrogatepass")

    def _complex(self, node: dict[str, Any], depth: int) -> Any:
        real, imaginary = node["v"]
        return complex(float(real), float(imaginary))

    def _int(self, node: dict[str, Any], depth: int) -> Any:
        text = node["v"]
        if not isinstance(text, str) or len(text) > MAX_INT_BITS // 4 + 3:
            raise WireError("an int is too long")
        return int(text, 16)

    def _buffer(self, node: dict[str, Any]) -> bytearray:
        index = node["b"]
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(self.buffers):
            raise WireError("a node names a buffer that is not there")
        if index in self._taken:  # a few bytes of text would otherwise stand for gigabytes
            raise WireError("two nodes name the same buffer")
        self._taken.add(index)
        return self.buffers[index]

    def _shape(self, node: dict[str, Any], item_size: int, size: int | None) -> tuple[int, ...]:
        shape = node["s"]
        if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
            raise WireError("malformed shape")
        count = longest = 1
        for length in shape:
            if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length < 2**48:
                raise WireError("malformed shape")
            count *= length
            longest *= length or 1
        if size is not None and count * item_size != size:
            raise WireError("shape and buffer do not fit together")
        if count == 0 and longest > MAX_EMPTY_LENGTH:
            raise WireError("an empty array that is too long")
        return tuple(shape)

    def _dtype(self, node: dict[str, Any], numpy: Any) -> Any:
        name = node["d"]
        if not isinstance(name, str) or not DTYPE.fullmatch(name):
            raise WireError("malformed dtype")
        dtype = numpy.dtype(name)
        if not _can_cross(dtype):
            raise WireError("this dtype cannot cross the wall")
        return dtype

    def _numbers(self, node: dict[str, Any], numpy: Any) -> Any:
        """The buffer of an array or scalar as a flat array whose every item is a value of its dtype."""
        data, dtype = self._buffer(node), self._dtype(node, numpy)
        if len(data) % dtype.itemsize:
            raise WireError("a buffer of another size than its dtype")
        if dtype.kind == "b":
            _check_booleans(data)
        if dtype.kind == "U" and numpy.any(numpy.frombuffer(data, dtype.str[0] + "u4") > sys.maxunicode):
            raise WireError("an array of text holds what is no character")
        return numpy.frombuffer(data, dtype) if data else numpy.empty(0, dtype)

    def _array(self, node: dict[str, Any], depth: int) -> Any:
        import numpy

        numbers = self._numbers(node, numpy)
        return numbers.reshape(self._shape(node, numbers.itemsize, numbers.nbytes))

    def _scalar(self, node: dict[str, Any], depth: int) -> Any:
        import numpy

        numbers = self._numbers(node, numpy)
        if numbers.size != 1:
            raise WireError("a scalar's buffer has another size than its dtype")
        return numbers[0]

    def _tensor(self, node: dict[str, Any], depth: int) -> Any:
        framework = node["f"]
        if framework == "tensorflow":
            import tensorflow  # type: ignore[import-untyped]  # it has no annotations

            return tensorflow.constant(self._decode(node["v"], depth + 1))
        if framework != "torch" or node["d"] not in TORCH_DTYPES:
            raise WireError("a tensor of an unknown framework or dtype")
        import torch

        dtype = getattr(torch, node["d"])
        if node.get("meta") is True:
            return torch.empty(self._shape(node, 0, None), dtype=dtype, device="meta")
        data = self._buffer(node)
        shape = self._shape(node, dtype.itemsize, len(data))
        if dtype is torch.bool:
            _check_booleans(data)
        if not data:
            return torch.empty(shape, dtype=dtype, device="cpu")
        return torch.frombuffer(data, dtype=dtype).reshape(shape)

    def _torch_dtype(self, node: dict[str, Any], depth: int) -> Any:
        if node["f"] != "torch" or node["d"] not in TORCH_DTYPES:
            raise WireError("an unknown dtype")
        import torch

        return getattr(torch, node["d"])

    def _generator(self, node: dict[str, Any], depth: int) -> Any:
        import numpy

        name = node["n"]
        if name not in GENERATORS:
            raise WireError("an unknown bit generator")
        bit_generator = getattr(numpy.random, name)(0)
        state = self._decode(node["v"], depth + 1)
        # NumPy takes these places in a buffer as they are and reads there at the next draw.
        if name == "MT19937" and not 0 <= state["state"]["pos"] <= 624:
            raise WireError("a generator's state that cannot be")
        if name == "Philox" and not 0 <= state["buffer_pos"] <= 4:
            raise WireError("a generator's state that cannot be")
        bit_generator.state = state
        return numpy.random.Generator(bit_generator)

    def _elsewhere(self, node: dict[str, Any], depth: int) -> Any:
        return self._other(node)

    _READERS: ClassVar[dict[str, Callable[[Decoder, dict[str, Any], int], Any]]] = {
        "list": _list,
        "tuple": _tuple,
        "set": _set,
        "frozenset": _frozenset,
        "dict": _dict,
        "bytes": _bytes,
        "text": _long_text,
        "complex": _complex,
        "int": _int,
        "array": _array,
        "scalar": _scalar,
        "tensor": _tensor,
        "dtype": _torch_dtype,
        "generator": _generator,
        "handle": _elsewhere,
        "callback": _elsewhere,
        "shared": _elsewhere,
    }


def _can_cross(dtype: Any) -> bool:
    return dtype.kind in ARRAY_KINDS and 0 < dtype.itemsize <= 4096 and dtype.char not in "gG"


def _check_booleans(data: bytearray) -> None:
    """A boolean of any other byte than 0 and 1 is neither true nor false to the libraries' comparisons."""
    if data.translate(None, b"\x00\x01"):
        raise WireError("a boolean that is neither true nor false")


def _int_node(value: int) -> Node:
    if -(2**63) <= value < 2**63:
        return value
    if value.bit_length() > MAX_INT_BITS:
        raise WireError(f"an int of more than {MAX_INT_BITS} bits cannot cross the wall")
    return {"k": "int", "v": hex(value)}
