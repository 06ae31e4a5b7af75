"""The tables of the page, as Markdown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from statistics import median

from .compare import Turn

CONTROL_PLANE = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def machine() -> str:
    """Processors and load of this machine now."""
    loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
    return f"{os.cpu_count()} processors, load average {loads}"


def comparison(turns: Sequence[Turn]) -> list[str]:
    """The table of all candidates, and one of each one's requests."""
    names = list(dict.fromkeys(turn.candidate for turn in turns))
    by_name = {name: [turn for turn in turns if turn.candidate == name] for name in names}
    rows = [["one job, warm, median", *(_latency(by_name[name]) for name in names)]]
    sizes = [burst.jobs for burst in turns[0].bursts]
    for index, size in enumerate(sizes):
        rows += [
            [f"{size:,} at once: time", *(_seconds(by_name[name], index) for name in names)],
            [f"{size:,} at once: rate", *(_rate(by_name[name], index) for name in names)],
            [
                f"{size:,} at once: p50, p99",
                *(_percentiles(by_name[name], index) for name in names),
            ],
            [
                f"{size:,} at once: create calls",
                *(_created(by_name[name], index) for name in names),
            ],
        ]
    last = sizes[-1]
    rows += [
        [
            f"API requests per job ({last:,} at once)",
            *(
                f"{_middle(turn.requests[last].total / last for turn in by_name[name]):.1f}"
                for name in names
            ),
        ],
        [
            "CPU s per 1,000 jobs: controllers",
            *(_cpu(by_name[name], last, own=True) for name in names),
        ],
        [
            "CPU s per 1,000 jobs: control plane",
            *(_cpu(by_name[name], last, own=False) for name in names),
        ],
        ["resident memory after, MiB", *(_resident(by_name[name]) for name in names)],
    ]
    lines = table(["", *names], rows)
    for name in names:
        if any(turn.requests[last].counts for turn in by_name[name]):
            lines += ["", *requests(by_name[name][-1], last)]
    return lines


def requests(turn: Turn, size: int) -> list[str]:
    """Requests of a candidate's controllers by verb and resource."""
    found = turn.requests[size]
    rows = [
        [verb, resource, f"{count / size:.2f}"]
        for (verb, resource), count in found.by_job().most_common()
        if count / size >= 0.005
    ]
    title = f"API requests of {turn.candidate} per job, {size:,} at once:"
    return [title, "", *table(["verb", "resource", "per job"], rows)]


def _middle(values: Iterable[float]) -> float:
    return median(list(values))


def _latency(turns: Sequence[Turn]) -> str:
    return f"{1000 * _middle(turn.latency for turn in turns):.0f} ms"


def _seconds(turns: Sequence[Turn], index: int) -> str:
    return f"{_middle(turn.bursts[index].seconds for turn in turns):.1f} s"


def _rate(turns: Sequence[Turn], index: int) -> str:
    return f"{_middle(turn.bursts[index].rate for turn in turns):.1f}/s"


def _percentiles(turns: Sequence[Turn], index: int) -> str:
    p50, p99 = (
        _middle(turn.bursts[index].percentile(percent) for turn in turns) for percent in (50, 99)
    )
    return f"{p50:.1f} s, {p99:.1f} s"


def _created(turns: Sequence[Turn], index: int) -> str:
    return f"{_middle(turn.bursts[index].created_seconds for turn in turns):.1f} s"


def _cpu(turns: Sequence[Turn], size: int, *, own: bool) -> str:
    names = [name for name in turns[0].cpu[size] if (name not in CONTROL_PLANE) == own]
    if not names:
        return "-"
    scale = 1000 / size
    found = [f"{_middle(turn.cpu[size][name] for turn in turns) * scale:.1f}" for name in names]
    if own:
        return " + ".join(found)
    return f"{sum(float(value) for value in found):.1f}"


def _resident(turns: Sequence[Turn]) -> str:
    names = list(turns[0].resident)
    found = [f"{_middle(turn.resident[name] for turn in turns):.0f}" for name in names]
    return " + ".join(found) or "-"
