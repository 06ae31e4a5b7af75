"""View of an evaluation: figures before and after training, and where to look closer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dpojob.sanitize import shorten

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject

MESSAGE_LIMIT = 500
"""Characters of a message that are shown."""

NAME_LIMIT = 60
"""Characters of a task's name and metric that are shown."""


def evaluation_view(evaluation: JSONObject) -> RenderableType:
    """Shows the tuned model beside the one before.

    Args:
        evaluation: The figures as JSON has them, as far as they are known.

    Returns:
        The verdict, a table of the figures, and the messages on those to look at.
    """
    before, after = evaluation.get("before") or {}, evaluation.get("after") or {}
    table = Table("held out", "before", "tuned")
    rows = [
        ("win rate, ties as halves", "", format_interval(evaluation.get("winRate"))),
        (
            "win rate at equal length",
            "",
            format_interval(evaluation.get("lengthControlledWinRate")),
        ),
        ("reward accuracy", "", format_interval(evaluation.get("rewardAccuracy"))),
        ("answer length, tokens", _number(before.get("tokens")), _number(after.get("tokens"))),
        ("answers that end", _share(before.get("ended")), _share(after.get("ended"))),
        ("repetition", _share(before.get("repetition")), _share(after.get("repetition"))),
        ("distance, nats per token", "", _number(evaluation.get("klPerToken"))),
    ]
    for name, *cells in rows:
        if any(cells):
            table.add_row(name, *cells)
    tasks = evaluation.get("tasks") or []
    for task in tasks:
        scores = [(task.get(side) or {}).get("value") for side in ("before", "after")]
        if task.get("before") is not None and task.get("after") is not None:
            name, metric = (shorten(task.get(part, ""), NAME_LIMIT) for part in ("name", "metric"))
            table.add_row(f"{name}, {metric}", *map(_number, scores))
    verdict = Text(f"{evaluation.get('verdict')}: ", style="bold").append(
        shorten(evaluation.get("message", ""), MESSAGE_LIMIT), style="not bold"
    )
    attention = evaluation.get("attention") or []
    messages = [f"Look closer: {found.get('message', '')}" for found in attention]
    messages += [f"{task.get('name', '')}: {task['error']}" for task in tasks if task.get("error")]
    if evaluation.get("note"):
        messages.append(evaluation["note"])
    shown = [Text(shorten(message, MESSAGE_LIMIT), style="yellow") for message in messages]
    parts: list[RenderableType] = [verdict] if evaluation.get("verdict") else []
    return Group(*parts, *([table] if table.row_count else []), *shown)


def format_interval(interval: JSONObject | None) -> str:
    """Formats a share with its interval.

    Args:
        interval: The share; None where it is not known.

    Returns:
        Such as "62% (55% to 69%)"; "" where it is not known.
    """
    if interval is None or interval.get("value") is None:
        return ""
    share = f"{interval['value']:.0%}"
    if interval.get("low") is None or interval.get("high") is None:
        return share
    return f"{share} ({interval['low']:.0%} to {interval['high']:.0%})"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
