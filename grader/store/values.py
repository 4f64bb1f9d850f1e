"""Values as every database keeps them: text without what they refuse, JSON with the floats that JSON lacks."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_REFUSED = re.compile("[\x00\ud800-\udfff]")
# The one key of the object that stands for a float which JSON has no number for.
_FLOAT = "float"


def storable(value: str) -> str:
    """The text with NUL and lone surrogates, which databases refuse, replaced by U+FFFD."""
    return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", value)


def to_json(value: Any) -> Any:
    """A value of mappings, sequences, str, int, float, bool and None as JSON that SQLite and PostgreSQL take.

    NaN and infinity, which Python's json writes but PostgreSQL refuses, become ``{"float": "nan"}``.

    :raises TypeError: a value of another kind.
    """
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_FLOAT: str(float(value))}
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return {storable(name): to_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(each) for each in value]
    raise TypeError(f"{type(value).__name__} is no JSON value")


def from_json(value: Any) -> Any:
    """What :func:`to_json` was given; sequences are lists."""
    if isinstance(value, dict):
        if value.keys() == {_FLOAT} and isinstance(value[_FLOAT], str):
            return float(value[_FLOAT])
        return {name: from_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [from_json(each) for each in value]
    return value
