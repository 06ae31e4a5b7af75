"""A proportion with its 95% interval as SVG, beside the line of chance."""

from __future__ import annotations

from markupsafe import Markup, escape

from dpojob_api.evaluation import Interval

WIDTH, HEIGHT, EDGE = 360, 56, 10


def interval_chart(title: str, interval: Interval) -> Markup:
    """The interval on an axis from 0% to 100%, with a line at 50%."""
    low, value, high = (
        EDGE + (WIDTH - 2 * EDGE) * (end or 0.0)
        for end in (interval.low, interval.value, interval.high)
    )
    middle = WIDTH / 2
    label = (
        f"{title}: {interval.value or 0:.1%}, 95% interval {interval.low or 0:.1%} to "
        f"{interval.high or 0:.1%}"
    )
    ticks = "".join(
        f'<text x="{EDGE + (WIDTH - 2 * EDGE) * tick:.0f}" y="{HEIGHT - 4}" text-anchor="middle">{tick:.0%}</text>'
        for tick in (0.0, 0.5, 1.0)
    )
    return Markup(
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'<line class="grid" x1="{EDGE}" x2="{WIDTH - EDGE}" y1="22" y2="22"/>'
        f'<line class="grid" x1="{middle:.0f}" x2="{middle:.0f}" y1="6" y2="38"/>'
        f'<line class="c0" x1="{low:.1f}" x2="{high:.1f}" y1="22" y2="22" stroke-width="4"/>'
        f'<circle class="c0" cx="{value:.1f}" cy="22" r="5"/>{ticks}</svg></figure>'
    )
