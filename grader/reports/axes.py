"""Axes of charts: values to places in a drawing, and round numbers to write beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

LOG_FROM = 10.0  # highest over lowest value from which positive values get a logarithmic axis
_WIDEST = 1e60  # … and up to which: beyond it, a value has overflowed or vanished, and so would the room at the ends


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values from ``low`` to ``high`` to places from ``start`` to ``end``, in units of the drawing."""

    low: float
    high: float  # above low
    start: float
    end: float
    log: bool = False  # then low is above 0

    def at(self, value: float) -> float:
        """The place of a value; of one beyond the axis, the nearer end."""
        value = min(max(value, self.low), self.high)
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """Round values on the axis, at most that many where it is linear; low first."""
        if self.log:
            exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for digits in ((1, 2, 5), (1, 3), (1,)):
                found = [digit * 10.0**exponent for exponent in exponents for digit in digits]
                found = [value for value in found if self.low <= value <= self.high]
                if len(found) <= most:
                    break
            return found[:: math.ceil(len(found) / most)]
        step = _step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) for number in range(first, last + 1)]


def fit(values: Iterable[float], start: float, end: float, *, log: bool | None = None, pad: float = 0.06) -> Axis:
    """An axis on which all these values lie, with some room at both ends.

    :param values: finite, at least one.
    :param log: whether it is logarithmic; None: where all values are positive and far apart.
    :param pad: room at each end, as a share of the length.
    """
    values = list(values)
    low, high = min(values), max(values)
    if log is None:
        log = low > 0 and LOG_FROM <= high / low <= _WIDEST
    if low == high:  # one value stands in the middle
        low, high = (low / 2, high * 2) if log else (low - (abs(low) / 2 or 0.5), high + (abs(high) / 2 or 0.5))
    if log:
        room = (high / low) ** pad
        return Axis(low / room, high * room, start, end, log=True)
    room = (high - low) * pad
    return Axis(low - room, high + room, start, end)


def _step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(digit * power for digit in (1, 2, 2.5, 5, 10) if digit * power >= least * (1 - 1e-9))
