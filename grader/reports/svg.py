"""Static charts as inline SVG: a few rectangles, coloured by the page's style sheet, described in words."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from grader.reports.text import count

WIDTH = 400  # viewBox units; the page scales the drawing, and the text in it, to at most this many pixels
_BASE, _TOP = 128, 22  # y of the axis, and of the highest bar's top
_LEFT, _RIGHT = 6, 394


def histogram(bins: Sequence[int], *, name: str, title: str) -> Markup:
    """Draw counts per equal share of the marks, from nothing at the left to all at the right.

    :param bins: counts, at least one.
    :param name: unique in the page; makes the ids of title and description.
    :param title: what the chart shows, read out by screen readers before the description.
    """
    slot = (_RIGHT - _LEFT) / len(bins)
    highest = max(max(bins), 1)
    parts = []
    for index, amount in enumerate(bins):
        x = _LEFT + index * slot
        height = amount / highest * (_BASE - _TOP)
        if amount:
            parts.append(
                Markup('<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"/>').format(
                    x + 2, _BASE - height, slot - 4, height
                )
            )
            parts.append(
                Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
                    x + slot / 2, _BASE - height - 6, amount
                )
            )
    for share, anchor in ((0, "start"), (50, "middle"), (100, "end")):
        x = _LEFT + share / 100 * (_RIGHT - _LEFT)
        parts.append(Markup('<text x="{:.1f}" y="146" text-anchor="{}">{}%</text>').format(x, anchor, share))
    return Markup(
        '<svg class="histogram" viewBox="0 0 {width} 152" role="img" aria-labelledby="{name}-title {name}-desc">'
        '<title id="{name}-title">{title}</title><desc id="{name}-desc">{description}</desc>'
        '<line class="axis" x1="{left}" x2="{right}" y1="{base}" y2="{base}"/>{parts}</svg>'
    ).format(
        width=WIDTH,
        name=name,
        title=title,
        description=_description(bins),
        left=_LEFT,
        right=_RIGHT,
        base=_BASE,
        parts=Markup("").join(parts),
    )


def _description(bins: Sequence[int]) -> str:
    step = 100 / len(bins)
    said = [
        f"{count(amount, 'submission')} from {index * step:.0f} to {(index + 1) * step:.0f}%"
        for index, amount in enumerate(bins)
        if amount
    ]
    return "; ".join(said) + "." if said else "No submissions."


def bar(share: float) -> Markup:
    """Draw a share, 0 … 1, as a horizontal bar; it says nothing to a screen reader, for the figure stands beside it."""
    return Markup(
        '<svg class="rate" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="8"/><rect class="bar" width="{:.1f}" height="8"/></svg>'
    ).format(min(max(share, 0.0), 1.0) * 100)
