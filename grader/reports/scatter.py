"""Accuracy against time as inline SVG: one dot per student, coloured by the page's style sheet, told in words too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from grader.reports.axes import Axis, fit
from grader.reports.leaderboard import Leaderboard, Place
from grader.reports.text import clean, count, interval, metric, one_line, seconds, times

INTERVALS_UP_TO = 40  # dots; the intervals of more would hide one another
_BELOW = 0.2  # accuracy this far below the lowest threshold is drawn at the lower edge, so that the rest spreads
_RADIUS = 5
_LETTER, _LINE = 8.6, 13  # width and height of a digit, viewBox units, of the style sheet's 12 px


@dataclass(frozen=True, slots=True)
class Size:
    """Of a drawing, in viewBox units; the page shows it at this size or a little smaller."""

    width: int
    height: int


WIDE, NARROW = Size(960, 400), Size(360, 330)  # one of them is shown, by the width of the page


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def scatter(board: Leaderboard, size: Size, *, name: str) -> Markup:
    """Draw the ranked: time to the right, accuracy upwards, with thresholds, the limit and the reference's time.

    :param board: with at least one place.
    :param name: unique in the page; makes the ids of title and description.
    """
    left, right, top, bottom = 48, size.width - 12, 40, size.height - 44
    x = _time_axis(board, left, right)
    y = _accuracy_axis(board, bottom, top)
    parts = [
        *_frame(x, y, "reference = 1" if board.by_multiple else "seconds"),
        *(_line("threshold", x.start, y.at(value), x.end, y.at(value)) for value, _ in _levels(board)),
        *_bands(board, x, y),
        *_dots(board, x, y),
        *_ranks(board, x, y),
        # Words come last: their halo keeps them readable over dots and lines.
        *(_text(x.end - 4, y.at(value) - 5, words, "end", "note-text") for value, words in _levels(board)),
    ]
    return Markup(
        '<svg class="chart" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        'aria-labelledby="{name}-title {name}-desc">'
        '<title id="{name}-title">Accuracy against time</title><desc id="{name}-desc">{description}</desc>{parts}</svg>'
    ).format(
        width=size.width, height=size.height, name=name, description=_description(board), parts=Markup("").join(parts)
    )


def place_in_words(place: Place) -> str:
    """What pointing at a student's dot tells."""
    training = place.training
    bounds = interval(training.low, training.high)
    return (
        f"{place.rank}. {one_line(place.shown, 60)}: {metric(place.accuracy)}{f' ({bounds})' if bounds else ''}, "
        f"{seconds(training.seconds)}, {times(place.multiple)} the reference, {one_line(training.device, 60)}"
        + (f", {place.disturbed} disturbed" if place.disturbed else "")
    )


def _time(board: Leaderboard, place: Place) -> float:
    return place.multiple if board.by_multiple else place.training.seconds


def _references(board: Leaderboard) -> list[float]:
    return [1.0] if board.by_multiple else [place.training.reference_seconds for place in board.places]


def _limits(board: Leaderboard) -> list[float]:
    trainings = [place.training for place in board.places]
    if board.by_multiple:
        return [each.limit_seconds / each.reference_seconds for each in trainings if each.reference_seconds]
    return [each.limit_seconds for each in trainings]


def _time_axis(board: Leaderboard, start: float, end: float) -> Axis:
    values = [_time(board, place) for place in board.places] + _references(board) + _limits(board)
    return fit([value for value in values if value > 0] or [1.0], start, end)


def _accuracy_axis(board: Leaderboard, start: float, end: float) -> Axis:
    lowest = board.thresholds.full if board.thresholds.part_from is None else board.thresholds.part_from
    values = [max(place.accuracy, lowest - _BELOW) for place in board.places] + [lowest, board.thresholds.full]
    axis = fit(values, start, end, log=False)
    return Axis(max(axis.low, 0.0), min(axis.high, 1.0) if max(values) < 1 else 1.0 + (axis.high - max(values)) / 2,
                start, end)  # fmt: skip


def _frame(x: Axis, y: Axis, unit: str) -> Iterator[Markup]:
    for value in y.ticks(6):
        if value <= 1:
            yield _line("grid", x.start, y.at(value), x.end, y.at(value))
            yield _text(x.start - 7, y.at(value) + 4, f"{100 * value:g}%", "end")
    yield _line("axis", x.start, y.start, x.end, y.start)
    for value in x.ticks(6):
        yield _line("axis", x.at(value), y.start, x.at(value), y.start + 5)
        yield _text(x.at(value), y.start + 19, f"{value:g}", "middle")
    told = f"median time, {unit}{', logarithmic' if x.log else ''}"
    yield _text((x.start + x.end) / 2, y.start + 38, told, "middle", "muted")


def _levels(board: Leaderboard) -> list[tuple[float, str]]:
    """The accuracy thresholds, with words."""
    full, part = board.thresholds.full, board.thresholds.part_from
    return [
        (full, f"full marks from {metric(full)}"),
        *([(part, f"part marks from {metric(part)}")] if part is not None else []),
    ]


def _bands(board: Leaderboard, x: Axis, y: Axis) -> Iterator[Markup]:
    """The time limit and the reference's time: lines, or bands where several sessions had their own."""
    for row, (kind, values) in enumerate((("limit", _limits(board)), ("reference", _references(board)))):
        if not values:
            continue
        low, high = x.at(min(values)), x.at(max(values))
        if high - low >= 2:
            yield Markup('<rect class="{}-band" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                kind, low, y.end, high - low, y.start - y.end
            )
        label_y = 13 + 16 * row
        yield _line(kind, high, label_y + 4, high, y.start)
        near_end = high > (x.start + x.end) / 2
        told = times(max(values)) if board.by_multiple else seconds(max(values))
        words = {"limit": f"time limit {told}", "reference": f"reference {told}"}[kind]
        yield _text(high - 5 if near_end else high + 5, label_y + 4, words, "end" if near_end else "start", "note-text")


def _dots(board: Leaderboard, x: Axis, y: Axis) -> Iterator[Markup]:
    for place in reversed(board.places):  # the best are drawn last, on top
        across, up = x.at(_time(board, place)), y.at(place.accuracy)
        low, high = place.training.low, place.training.high
        bar = Markup("")
        if low is not None and high is not None and len(board.places) <= INTERVALS_UP_TO:
            bar = _line("interval", across, y.at(low), across, y.at(high))
        kind = ("full" if place.full else "part") + (" disturbed" if place.disturbed else "")
        if place.accuracy < y.low:
            sign = Markup('<path class="dot {}" d="M{:.1f} {:.1f}l-6 -10h12z"/>').format(kind, across, up)
        else:
            sign = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(kind, across, up, _RADIUS)
        title = Markup("<title>{}</title>").format(clean(place_in_words(place)))
        yield Markup("<g>{}{}{}</g>").format(title, bar, sign)


def _ranks(board: Leaderboard, x: Axis, y: Axis) -> Iterator[Markup]:
    """Ranks beside their dots, the best first, wherever one of four places is free."""
    taken = [
        _Box(cx - _RADIUS, cy - _RADIUS, cx + _RADIUS, cy + _RADIUS)
        for place in board.places
        for cx, cy in [(x.at(_time(board, place)), y.at(place.accuracy))]
    ]
    taken += [
        _Box(x.end - _LETTER * len(words), y.at(value) - _LINE - 4, x.end, y.at(value) - 2)
        for value, words in _levels(board)
    ]
    for own, place in enumerate(board.places):
        word = str(place.rank)
        width = _LETTER * len(word)
        cx, cy = x.at(_time(board, place)), y.at(place.accuracy)
        for left, middle in (
            (cx + _RADIUS + 2, cy), (cx - _RADIUS - 2 - width, cy),
            (cx - width / 2, cy - _RADIUS - 8), (cx - width / 2, cy + _RADIUS + 8),
        ):  # fmt: skip
            box = _Box(left - 1, middle - _LINE / 2, left + width + 1, middle + _LINE / 2)
            inside = x.start < box.left and box.right < x.end + 8 and y.end - 8 < box.top and box.bottom < y.start
            if inside and not any(box.meets(other) for index, other in enumerate(taken) if index != own):
                taken.append(box)
                yield _text(left + width / 2, middle + 4.5, word, "middle", "rank")
                break


def _description(board: Leaderboard) -> str:
    places = board.places
    accuracies = [place.accuracy for place in places]
    spent = [place.training.seconds for place in places]
    return (
        f"{count(len(places), 'student')}, {sum(place.full for place in places)} at full accuracy; "
        f"accuracy from {metric(min(accuracies))} to {metric(max(accuracies))}, "
        f"median time from {seconds(min(spent))} to {seconds(max(spent))}."
    )


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(kind, x1, y1, x2, y2)


def _text(x: float, y: float, words: str, anchor: str, kind: str = "tick") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, words)


def sizes() -> Sequence[tuple[str, Size]]:
    """The drawings that a page holds, each with the class that shows it at its width."""
    return (("wide-chart", WIDE), ("narrow-chart", NARROW))
