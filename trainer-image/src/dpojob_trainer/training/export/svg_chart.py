"""Line charts and intervals as SVG text, without scripts, fonts or external resources."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from markupsafe import Markup

from dpojob_api.evaluation import Interval

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 10, 24
MAX_POINTS = 400
"""Longer curves are averaged down to this many points."""

Curve = Sequence[tuple[float, float]]


def chart(title: str, curves: Mapping[str, Curve]) -> Markup:
    """One chart with a legend. Values that are not finite leave a gap."""
    thinned = {name: _thin(curve) for name, curve in curves.items() if curve}
    values = [y for curve in thinned.values() for _, y in curve if math.isfinite(y)]
    steps = [x for curve in thinned.values() for x, _ in curve]
    if not values:
        return Markup("")
    low, high = _range(min(values), max(values))
    first, last = min(steps), max(max(steps), min(steps) + 1)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - first) / (last - first) * (WIDTH - LEFT - RIGHT)
        up = (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return LEFT + across, HEIGHT - BOTTOM - up

    parts = []
    for tick in _ticks(low, high):
        _, y = at(first, tick)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{tick:.4g}</text>'
        )
    for x, anchor in ((first, "start"), (last, "end")):
        across, _ = at(x, low)
        parts.append(
            f'<text x="{across:.1f}" y="{HEIGHT - 7}" text-anchor="{anchor}">{x:.0f}</text>'
        )
    legend = []
    for number, (name, curve) in enumerate(thinned.items()):
        for piece in _segments(curve):
            points = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in piece)
            if len(piece) == 1:
                x, y = at(*piece[0])
                parts.append(f'<circle class="c{number}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>')
            else:
                parts.append(f'<polyline class="c{number}" points="{points}"/>')
        legend.append(f'<span class="k{number}">{escape(name)}</span>')
    label = f"{title} by optimizer step, {low:.3g} to {high:.3g}"
    return Markup(
        f"<figure><figcaption>{escape(title)} <small>{' '.join(legend)}</small></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg></figure>"
    )


def interval_chart(title: str, interval: Interval) -> Markup:
    """A share with its 95% interval on an axis from 0% to 100%, with a line at 50%."""
    edge, height, axis, middle = 16, 56, WIDTH - 32, WIDTH / 2
    ends = (interval.low or 0.0, interval.value or 0.0, interval.high or 0.0)
    low, value, high = (edge + axis * end for end in ends)
    label = f"{title}: {ends[1]:.1%}, 95% interval {ends[0]:.1%} to {ends[2]:.1%}"
    ticks = "".join(
        f'<text x="{edge + axis * tick:.0f}" y="{height - 4}" text-anchor="middle">{tick:.0%}</text>'
        for tick in (0.0, 0.5, 1.0)
    )
    return Markup(
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        f'<line class="grid" x1="{edge}" x2="{WIDTH - edge}" y1="22" y2="22"/>'
        f'<line class="grid" x1="{middle:.0f}" x2="{middle:.0f}" y1="6" y2="38"/>'
        f'<line class="c0" x1="{low:.1f}" x2="{high:.1f}" y1="22" y2="22" stroke-width="4"/>'
        f'<circle class="c0" cx="{value:.1f}" cy="22" r="5"/>{ticks}</svg></figure>'
    )


def _thin(curve: Curve) -> Curve:
    """At most MAX_POINTS points, each the mean of its neighbours."""
    size = math.ceil(len(curve) / MAX_POINTS)
    if size <= 1:
        return curve
    groups = [curve[i : i + size] for i in range(0, len(curve), size)]
    return [
        (sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group))
        for group in groups
    ]


def _segments(curve: Curve) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for x, y in curve:
        if math.isfinite(y):
            pieces[-1].append((x, y))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _range(low: float, high: float) -> tuple[float, float]:
    """The axis range, with a margin and never empty."""
    margin = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    return low - margin, high + margin


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers in the range."""
    raw = (high - low) / 4
    scale = 10 ** math.floor(math.log10(raw))
    size = next(scale * m for m in (1, 2, 5, 10) if scale * m >= raw)
    start = math.ceil(low / size)
    return [round(n * size, 12) for n in range(start, math.floor(high / size) + 1)]
