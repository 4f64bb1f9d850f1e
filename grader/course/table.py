"""A TOML file read key by key, so that each thing wrong in it is reported with its file and line."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from grader.errors import ConfigError

MOST_NAMES = 20  # of a list in an error; a class has hundreds of students


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean "…"?`` where one of the known names is close, else the list of them all."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    if not known:
        return "there are none"
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    return f"known are: {', '.join(known[:MOST_NAMES])}{more}"


def read_text(path: Path, *, remedy: str) -> str:
    """Read a UTF-8 text with universal newlines.

    :param remedy: what to do where the file is missing.
    :raises ConfigError: it is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError("there is no such file", where=path, remedy=remedy) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"not UTF-8 text (byte {error.start})", where=path, remedy="save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}", where=path, remedy="make it a readable file"
        ) from error


class Table:
    """One table of a TOML file. Each getter checks the type and reports the line of the key.

    :param prefix: the table's own key, ``("limits",)`` for ``[limits]``; empty for the whole file.
    """

    def __init__(self, path: Path, text: str, values: dict[str, Any], prefix: tuple[str, ...] = ()) -> None:
        self.path = path
        self.values = values
        self._text = text
        self._prefix = prefix

    @classmethod
    def read(cls, path: Path, *, remedy: str) -> Table:
        """Read and parse the file; ``remedy`` is for the case that there is none."""
        text = read_text(path, remedy=remedy)
        try:
            return cls(path, text, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            message = str(error)
            found = re.search(r"\(at line (\d+), column (\d+)\)", message)
            line = int(found.group(1)) if found else max(1, len(text.splitlines()))
            what = re.sub(r" \(at .*\)$", "", message)
            raise ConfigError(
                f"not valid TOML: {what}", where=f"{path}:{line}", remedy="correct this line (https://toml.io)"
            ) from error

    def fail(self, key: str | None, what: str, remedy: str) -> NoReturn:
        """Raise a ConfigError that points at the key's line (``None``: at the table as a whole)."""
        line = self._line((*self._prefix, key) if key else self._prefix)
        raise ConfigError(what, where=f"{self.path}:{line}" if line else self.path, remedy=remedy)

    def only(self, known: Iterable[str]) -> None:
        """Refuse every key that is not known."""
        known = tuple(known)
        for key in self.values:
            if key not in known:
                self.fail(key, f'unknown key "{self._name(key)}"', nearest(key, known))

    def string(self, key: str, default: str | None = None) -> str:
        """A non-empty string; ``default=None`` makes the key required."""
        value = self._value(key, default)
        if not isinstance(value, str):
            self._wrong_type(key, value, "a string")
        if not value.strip():
            self.fail(key, f'"{self._name(key)}" is empty', f'give it a value: {self._name(key)} = "…"')
        return value

    def number(self, key: str, default: float | None = None, *, above: float = 0.0, most: float = math.inf) -> float:
        """A finite number in the half-open interval (above, most]."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self._wrong_type(key, value, "a number")
        if not (math.isfinite(value) and above < value <= most):
            limit = f" and at most {most:g}" if math.isfinite(most) else ""
            self.fail(key, f'"{self._name(key)}" is {value}', f"it must be above {above:g}{limit}")
        return float(value)

    def integer(self, key: str, default: int | None = None, *, least: int = 1, most: int = 2**62) -> int:
        """An integer from ``least`` to ``most``."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong_type(key, value, "an integer")
        if not least <= value <= most:
            self.fail(key, f'"{self._name(key)}" is {value}', f"it must be from {least} to {most}")
        return value

    def moment(self, key: str) -> datetime | None:
        """A date with a time of day; ``None`` where the key is absent."""
        if key not in self.values:
            return None
        value = self.values[key]
        if not isinstance(value, datetime):
            self._wrong_type(key, value, "a date with a time, 2026-10-05T23:59:00+02:00, without quotes")
        if value.tzinfo is None:
            self.fail(key, f'"{self._name(key)}" has no offset from UTC', "write it behind the time: 23:59:00+02:00")
        return value

    def table(self, key: str) -> Table:
        """A sub-table; an empty one where the key is absent."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self._wrong_type(key, value, f"a table: [{self._name(key)}]")
        return Table(self.path, self._text, value, (*self._prefix, key))

    def _value(self, key: str, default: Any) -> Any:
        if key in self.values:
            return self.values[key]
        if default is None:
            self.fail(None, f'the key "{self._name(key)}" is missing', f"add a line: {self._name(key)} = …")
        return default

    def _wrong_type(self, key: str, value: object, wanted: str) -> NoReturn:
        self.fail(key, f'"{self._name(key)}" is {_toml_type(value)}', f"it must be {wanted}")

    def _name(self, key: str) -> str:
        return ".".join((*self._prefix, key))

    def _line(self, key: tuple[str, ...]) -> int | None:
        """The line where the statement starts that sets ``key``; ``None`` where the whole file is meant.

        Every statement of TOML ends at a line's end, so the shortest run of leading lines that parses and holds the
        key ends with its statement, which starts after the run before that parses.
        """
        if not key:
            return None
        lines = self._text.splitlines()
        start = 1
        for count in range(1, len(lines) + 1):
            try:
                values: Any = tomllib.loads("\n".join(lines[:count]))
            except tomllib.TOMLDecodeError:
                continue
            for part in key:
                values = values.get(part) if isinstance(values, dict) else None
            if values is not None:
                return start
            start = count + 1
        return None


def _toml_type(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a float", str: "a string", list: "an array", dict: "a table"}
    return names.get(type(value), "a date or a time")
