"""Carry a guest's changes of its arguments over to the host's, so that a test sees them as with an ordinary module."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

# A call that draws more numbers than this has not only advanced its generator.
MAX_DRAWS = 2**40
# Draws that are made once more to see whether a kept half is one of theirs: 2 ms.
MAX_REPEATED_DRAWS = 2**20
PCG64_MULTIPLIER = 0x2360ED051FC65DA44385DF649FCCF645  # of PCG64 as NumPy implements it (O'Neill 2014)


_watched: ContextVar[bool] = ContextVar("watched", default=False)


@contextlib.contextmanager
def watch_arguments() -> Iterator[None]:
    """Inside the block, what a submission does to its arguments happens to the test's own objects.

    Elsewhere it does not: a test that passes ``X`` and then computes from ``X`` what it expects would otherwise let the
    submission choose both sides (set everything to zero, answer for zeros). Generators are always carried over.
    """
    token = _watched.set(True)
    try:
        yield
    finally:
        _watched.reset(token)


def arguments_are_watched() -> bool:
    """Whether a :func:`watch_arguments` block is open."""
    return _watched.get()


def reflect(original: Any, now: Any) -> None:
    """Change ``original`` in place into ``now`` as far as its kind allows; what does not fit is left as it was."""
    torch = sys.modules.get("torch")
    if isinstance(original, np.ndarray) and isinstance(now, np.ndarray):
        if original.shape == now.shape and original.dtype == now.dtype and original.flags.writeable:
            original[...] = now
    elif torch is not None and isinstance(original, torch.Tensor) and isinstance(now, torch.Tensor):
        if original.shape == now.shape and original.dtype == now.dtype and not original.is_meta:
            with torch.no_grad():
                original.copy_(now)
    elif isinstance(original, np.random.Generator) and isinstance(now, np.random.Generator):
        if is_ahead(original, now):
            original.bit_generator.state = honest_state(original, now)
    elif isinstance(original, list) and isinstance(now, list):
        original[:] = [_merged(a, b) for a, b in zip(original, now, strict=False)] + now[len(original) :]
    elif isinstance(original, dict) and isinstance(now, dict):
        merged = {key: _merged(original[key], value) if key in original else value for key, value in now.items()}
        original.clear()
        original.update(merged)
    elif isinstance(original, set) and isinstance(now, set):
        original.clear()
        original.update(now)


def _merged(original: Any, now: Any) -> Any:
    """``original`` itself, changed in place, where that makes it ``now``; else ``now``."""
    if type(original) is not type(now):
        return now
    if isinstance(original, (list, dict, set)):
        reflect(original, now)
        return original
    if isinstance(original, np.ndarray) or type(original).__name__ == "Tensor":
        same = original.shape == now.shape and original.dtype == now.dtype
        reflect(original, now)
        return original if same else now
    return now


def is_ahead(original: np.random.Generator, now: np.random.Generator) -> bool:
    """Tell whether ``now`` is ``original`` after at most MAX_DRAWS draws.

    A guest could otherwise answer with a state of its choosing, and with it choose the inputs that the test draws next.
    Known for PCG64 alone, NumPy's default; no other generator is advanced.
    """
    if type(original.bit_generator) is not np.random.PCG64 or type(now.bit_generator) is not np.random.PCG64:
        return False
    a: dict[str, int] = original.bit_generator.state["state"]  # type: ignore[assignment]
    b: dict[str, int] = now.bit_generator.state["state"]  # type: ignore[assignment]
    return a["inc"] == b["inc"] and lcg_distance(a["state"], b["state"], a["inc"]) <= MAX_DRAWS


def honest_state(original: np.random.Generator, now: np.random.Generator) -> Any:
    """The state of ``now``, which :func:`is_ahead`, without a kept half of a draw that ``original`` cannot have made.

    PCG64 serves 32-bit draws from one 64-bit draw, and its state holds the second half until it is asked for.
    """
    before: Any = original.bit_generator.state
    after: Any = now.bit_generator.state
    if after["has_uint32"]:
        inner: Any = before["state"]
        steps = lcg_distance(inner["state"], after["state"]["state"], inner["inc"])
        possible = before["has_uint32"] and before["uinteger"] == after["uinteger"]
        if not possible and steps <= MAX_REPEATED_DRAWS:
            again = np.random.PCG64()
            again.state = before
            possible = bool(np.any(again.random_raw(steps) >> np.uint64(32) == after["uinteger"]))
        if not possible:
            after = {**after, "has_uint32": 0}
    return after


def lcg_distance(start: int, end: int, increment: int, multiplier: int = PCG64_MULTIPLIER, bits: int = 128) -> int:
    """Steps of ``x -> multiplier * x + increment (mod 2**bits)`` from ``start`` to ``end``.

    Bit by bit: a step of 2**k changes the lowest k bits by nothing, so bit k decides whether it is taken
    (F. Brown, 1994).
    """
    mask = (1 << bits) - 1
    distance, bit = 0, 1
    while start != end and bit <= mask:
        if (start ^ end) & bit:
            start = (start * multiplier + increment) & mask
            distance |= bit
        increment = (multiplier + 1) * increment & mask
        multiplier = multiplier * multiplier & mask
        bit <<= 1
    return distance if start == end else mask
