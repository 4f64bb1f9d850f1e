"""Learning curves as inline SVG: accuracy above, loss below, one line per run, as the submission has logged them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from grader.model import CurvePoint
from grader.reports.axes import Axis, fit
from grader.reports.text import clean, metric

KINDS = 6  # kinds of lines in the style sheet; further runs begin again
_MOST_POINTS = 240  # of one line: more than the drawing is wide
# A submission may log any number. Beyond this it is taken for an overflow, and sums of such stay finite.
_HUGE = 1e30
_PER_CENT = 1.5  # who logs an accuracy above this counts in per cent


@dataclass(frozen=True, slots=True)
class Track:
    """One run's values of one measure, by epoch."""

    values: tuple[tuple[float, float], ...]  # epoch and value, both finite, by epoch; at most _MOST_POINTS
    breaks: tuple[int, ...]  # places in ``values`` in front of which the line is interrupted
    broken_at: float | None  # the first epoch whose value was NaN or infinite
    broken_by: str = ""  # "NaN" or "infinite"


def track(curve: Iterable[CurvePoint], measure: str) -> Track | None:
    """Put the values of ``"loss"`` or ``"accuracy"`` in order; None where none was logged.

    Points without a finite epoch are left out. An accuracy in per cent becomes a share.
    """
    logged = sorted(
        ((point.epoch, value) for point in curve
         if abs(point.epoch) < _HUGE and (value := getattr(point, measure)) is not None),
        key=lambda pair: pair[0],
    )  # fmt: skip
    if not logged:
        return None
    values: list[tuple[float, float]] = []
    breaks: list[int] = []
    broken_at, broken_by = None, ""
    stride = math.ceil(len(logged) / _MOST_POINTS)
    for index, (epoch, value) in enumerate(logged):
        if not abs(value) < _HUGE:
            if broken_at is None:
                broken_at, broken_by = epoch, "NaN" if math.isnan(value) else "infinite"
            breaks.append(len(values))
        elif index % stride == 0 or index == len(logged) - 1:
            values.append((epoch, value))
    if measure == "accuracy" and any(_PER_CENT < value <= 100 for _, value in values):
        values = [(epoch, value / 100) for epoch, value in values]
    return Track(tuple(values), tuple(breaks), broken_at, broken_by)


def learning_curves(
    curves: Sequence[Sequence[CurvePoint]],
    *,
    name: str,
    title: str,
    width: int,
    height: int,
    least: float | None = None,
) -> Markup:
    """Draw one line per run in a panel for each measure that was logged; nothing where none was.

    A value that is not finite interrupts the line and is marked by a cross.

    :param name: unique in the page; makes the ids of title and description.
    :param width: of the drawing, in pixels.
    :param height: of each panel.
    :param least: lowest accuracy on the axis, for charts that stand side by side; the highest is then 1.
    """
    measures: list[tuple[str, list[tuple[int, Track]]]] = []
    for measure in ("accuracy", "loss"):
        found = [(run, made) for run, curve in enumerate(curves) if (made := track(curve, measure)) is not None]
        if found:
            measures.append((measure, found))
    if not measures:
        return Markup("")
    epochs = [epoch for _, found in measures for _, each in found for epoch in _epochs(each)]
    across = fit(epochs, 52, width - 10, log=False, pad=0.03)
    parts: list[Markup] = []
    for row, (measure, found) in enumerate(measures):
        top = 16 + row * (height + 24)
        parts += _panel(measure, found, across, Axis(0, 1, top + height, top), least)
    bottom = 16 + len(measures) * (height + 24) - 8
    first, last = min(epochs), max(epochs)
    ends = [("start", first, f"epoch {first:g}"), ("end", last, f"{last:g}")]
    for anchor, epoch, words in ends if last > first else ends[:1]:
        label = Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="{}">{}</text>')
        parts.append(label.format(across.at(epoch), bottom, anchor, words))
    return Markup(
        '<svg class="curves" viewBox="0 0 {width} {all}" width="{width}" role="img" '
        'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{title}</title>'
        '<desc id="{name}-desc">{description}</desc>{parts}</svg>'
    ).format(
        width=width, all=bottom + 6, name=name, title=clean(title), parts=Markup("").join(parts),
        description=" ".join(_description(measure, found) for measure, found in measures),
    )  # fmt: skip


def lowest_accuracy(curves: Iterable[Sequence[CurvePoint]]) -> float:
    """What charts side by side begin their axis of accuracy with: the lowest value, rounded down to a tenth."""
    tracks = [made for curve in curves if (made := track(curve, "accuracy")) is not None]
    lowest = min((value for each in tracks for _, value in each.values), default=0.0)
    return min(max(math.floor(lowest * 10 + 1e-9) / 10, 0.0), 0.9)


def swatch(run: int) -> Markup:
    """A piece of the line that stands for a run; it says nothing to a screen reader."""
    return Markup(
        '<svg class="swatch" viewBox="0 0 28 8" aria-hidden="true"><path class="run run-{}" d="M1 4H27"/></svg>'
    ).format(run % KINDS)


def sparkline(curve: Iterable[CurvePoint], measure: str, cells: int = 24) -> str:
    """A measure over the epochs as a row of blocks; ``×`` where it was not finite, and empty where it was not logged.

    >>> sparkline([CurvePoint(e, loss=loss) for e, loss in enumerate([4.0, 2.0, 1.0, float("nan")])], "loss")
    '█▃▁×'
    """
    points = [
        value for point in sorted((p for p in curve if abs(p.epoch) < _HUGE), key=lambda point: point.epoch)
        if (value := getattr(point, measure)) is not None
    ]  # fmt: skip
    if len(points) > cells:
        points = [points[round(index * (len(points) - 1) / (cells - 1))] for index in range(cells)]
    finite = [value for value in points if abs(value) < _HUGE]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    blocks = "▁▂▃▄▅▆▇█"
    return "".join(
        blocks[round((value - low) / (high - low) * 7) if high > low else 3] if abs(value) < _HUGE else "×"
        for value in points
    )


def _epochs(each: Track) -> list[float]:
    return [epoch for epoch, _ in each.values] + ([] if each.broken_at is None else [each.broken_at])


def _panel(
    measure: str, found: list[tuple[int, Track]], across: Axis, place: Axis, least: float | None
) -> Iterator[Markup]:
    """One measure; ``place`` holds the panel's lower and upper edge."""
    values = [value for _, each in found for _, value in each.values]
    is_accuracy = measure == "accuracy"
    if is_accuracy and least is not None:
        up = Axis(least, 1.0, place.start, place.end)
    else:
        up = fit(values or [1.0], place.start, place.end, log=False if is_accuracy else None, pad=0.0)
        if is_accuracy and max(values, default=1.0) <= 1:
            up = replace(up, high=min(up.high, 1.0))
    write = metric if measure == "accuracy" else "{:.3g}".format
    words = f"{measure}, logarithmic" if up.log else measure
    yield Markup('<text class="panel" x="{:.1f}" y="{:.1f}">{}</text>').format(across.start, place.end - 5, words)
    for value in (up.low, up.high):
        yield Markup(
            '<line class="grid" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            '<text class="tick" x="{x:.1f}" y="{below:.1f}" text-anchor="end">{words}</text>'
        ).format(x1=across.start, x2=across.end, y=up.at(value), x=across.start - 5, below=up.at(value) + 4,
                 words=write(value) if values else "")  # fmt: skip
    for run, each in found:
        yield from _lines(run, each, across, up)
        if each.broken_at is not None:
            # A loss that overflows leaves at the top, an accuracy that cannot be computed at the bottom.
            x, y = across.at(each.broken_at), place.end if measure == "loss" else place.start
            yield Markup(
                '<path class="broken run-{}" d="M{:.1f} {:.1f}l8 8m0 -8l-8 8"><title>{} {} in epoch {:g}</title></path>'
            ).format(run % KINDS, x - 4, y - 4, measure, each.broken_by, each.broken_at)


def _lines(run: int, each: Track, across: Axis, up: Axis) -> Iterator[Markup]:
    starts = sorted({0, *each.breaks, len(each.values)})
    for first, last in itertools.pairwise(starts):
        piece = [(across.at(epoch), up.at(value)) for epoch, value in each.values[first:last]]
        if len(piece) == 1:
            yield Markup('<circle class="lone run-{}" cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(run % KINDS, *piece[0])
        else:
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in piece)
            yield Markup('<path class="run run-{}" d="M{}"/>').format(run % KINDS, path)


def _description(measure: str, found: list[tuple[int, Track]]) -> str:
    write = metric if measure == "accuracy" else "{:.3g}".format
    told = []
    for run, each in found:
        ends = [write(each.values[index][1]) for index in (0, -1)] if each.values else []
        words = f"run {run + 1}" if len(found) > 1 else measure
        words += f" from {ends[0]} to {ends[1]}" if ends else ""
        told.append(words + (f", {each.broken_by} in epoch {each.broken_at:g}" if each.broken_at is not None else ""))
    text = "; ".join(told)
    return f"{measure}: {text}." if len(found) > 1 else f"{text}."
