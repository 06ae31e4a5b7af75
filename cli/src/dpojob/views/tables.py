"""Tables of jobs, pools and Events, as kubectl lays them out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from dpojob.cluster.job_facts import event_time, job_phase
from dpojob.sanitize import escape

from .phase_styles import PHASE_STYLES

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject
    from dpojob_api.pool import GPUPool

UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
"""Seconds of each unit of an age."""


def jobs_table(jobs: Sequence[JSONObject], *, namespaces: bool) -> RenderableType:
    """Shows jobs, one a line.

    Args:
        jobs: The jobs as the API server sends them.
        namespaces: Whether to show their namespaces.

    Returns:
        The columns of `kubectl get dpo`.
    """
    columns = [
        "NAME",
        "PHASE",
        "MODEL",
        "POOL",
        "PROGRESS",
        "MARGIN",
        "WINRATE",
        "ETA",
        "COST",
        "AGE",
    ]
    table = _table(["NAMESPACE", *columns] if namespaces else columns)
    for job in jobs:
        metadata, spec, status = job["metadata"], job.get("spec") or {}, job.get("status") or {}
        shown = status.get("display") or {}
        planned = status.get("plan") or spec.get("hardware") or {}
        phase = job_phase(job)
        cells: list[str | Text | None] = [
            metadata["name"],
            Text(phase, PHASE_STYLES.get(phase, "")),
            shown.get("model") or (spec.get("model") or {}).get("repo"),
            planned.get("pool"),
            *(shown.get(name) for name in ("progress", "margin", "winRate", "eta", "cost")),
            age(metadata.get("creationTimestamp")),
        ]
        table.add_row(*map(_cell, [metadata["namespace"], *cells] if namespaces else cells))
    return table


def pools_table(pools: Sequence[GPUPool]) -> RenderableType:
    """Shows pools, one a line.

    Args:
        pools: The pools.

    Returns:
        Their GPUs, what is free of them, prices per GPU and hour, and sizes of models.
    """
    table = _table(["NAME", "GPU", "MEMORY", "FREE", "NODES", "PRICE", "MODELS"])
    for pool in pools:
        gpu, size, status = pool.spec.gpu, pool.spec.model_size, pool.status
        models = (
            f"{size.min} to {size.max}" if size and size.max else f"{size.min} up" if size else ""
        )
        if pool.spec.by_name_only or size is None:
            models = (
                f"{models}, by name only"
                if models and pool.spec.by_name_only
                else models or "by name"
            )
        table.add_row(
            *map(
                _cell,
                [
                    pool.name,
                    gpu.model,
                    f"{gpu.memory_gib:g} GiB",
                    f"{status.free} of {status.gpus}" if status else None,
                    str(status.nodes) if status else None,
                    pool.spec.hourly_price,
                    models,
                ],
            )
        )
    return table


def events_table(events: Sequence[JSONObject]) -> RenderableType:
    """Shows Events, one a line.

    Args:
        events: The Event objects, in the order of the lines.

    Returns:
        Age, type, reason and message of each.
    """
    table = _table(["AGE", "TYPE", "REASON", "MESSAGE"])
    for event in events:
        kind = str(event.get("type") or "")
        count = (event.get("series") or event).get("count") or 1
        again = f" (x{count})" if count > 1 else ""
        table.add_row(
            _cell(age(event_time(event))),
            Text(kind, "yellow" if kind == "Warning" else ""),
            _cell(event.get("reason")),
            _cell(f"{event.get('message') or ''}{again}"),
        )
    return table


def age(time: str | None, now: datetime | None = None) -> str | None:
    """Writes how long ago something was, as kubectl does.

    Args:
        time: A time as the API server writes it; None for none.
        now: The present; None for the clock's.

    Returns:
        Such as "5d", "3h" or "42s"; None for None.
    """
    if not time:
        return None
    seconds = int(((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds())
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= 2 * size), (1, "s"))
    return f"{max(0, seconds // size)}{unit}"


def _table(columns: Sequence[str]) -> Table:
    return Table(*columns, box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))


def _cell(value: str | Text | None) -> Text:
    return value if isinstance(value, Text) else Text(escape(value) if value else "")
