"""View of an evaluation: figures before and after training, and where to look closer."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dpojob.sanitize import shorten
from dpojob_api.evaluation import AnswerFigures, Evaluation, Interval

MESSAGE_LIMIT = 500
"""Characters of a message that are shown."""

NAME_LIMIT = 60
"""Characters of a task's name and metric that are shown."""


def evaluation_view(evaluation: Evaluation) -> RenderableType:
    """Shows the tuned model beside the one before.

    Args:
        evaluation: The figures, as far as they are known.

    Returns:
        The verdict, a table of the figures, and the messages on those to look at.
    """
    before, after = evaluation.before or AnswerFigures(), evaluation.after or AnswerFigures()
    table = Table("held out", "before", "tuned")
    rows = [
        ("win rate, ties as halves", "", format_interval(evaluation.win_rate)),
        ("win rate at equal length", "", format_interval(evaluation.length_controlled_win_rate)),
        ("reward accuracy", "", format_interval(evaluation.reward_accuracy)),
        ("answer length, tokens", _number(before.tokens), _number(after.tokens)),
        ("answers that end", _share(before.ended), _share(after.ended)),
        ("repetition", _share(before.repetition), _share(after.repetition)),
        ("distance, nats per token", "", _number(evaluation.kl_per_token)),
    ]
    for name, *cells in rows:
        if any(cells):
            table.add_row(name, *cells)
    for task in evaluation.tasks:
        if task.before is not None and task.after is not None:
            name = f"{shorten(task.name, NAME_LIMIT)}, {shorten(task.metric, NAME_LIMIT)}"
            table.add_row(name, _number(task.before.value), _number(task.after.value))
    verdict = Text(f"{evaluation.verdict}: ", style="bold").append(
        shorten(evaluation.message, MESSAGE_LIMIT), style="not bold"
    )
    messages = [f"Look closer: {found.message}" for found in evaluation.attention]
    messages += [f"{task.name}: {task.error}" for task in evaluation.tasks if task.error]
    if evaluation.note:
        messages.append(evaluation.note)
    shown = [Text(shorten(message, MESSAGE_LIMIT), style="yellow") for message in messages]
    parts: list[RenderableType] = [verdict] if evaluation.verdict else []
    return Group(*parts, *([table] if table.row_count else []), *shown)


def format_interval(interval: Interval | None) -> str:
    """Formats a share with its interval.

    Args:
        interval: The share; None where it is not known.

    Returns:
        Such as "62% (55% to 69%)"; "" where it is not known.
    """
    if interval is None or interval.value is None:
        return ""
    if interval.low is None or interval.high is None:
        return f"{interval.value:.0%}"
    return f"{interval.value:.0%} ({interval.low:.0%} to {interval.high:.0%})"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
