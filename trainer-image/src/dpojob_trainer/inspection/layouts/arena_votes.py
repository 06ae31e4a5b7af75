"""Votes of the chatbot arena with a column of 0 and 1 for each outcome, whose texts are lists of turns in JSON."""

from __future__ import annotations

import json
from typing import Any

from dpojob_api.report import ProblemCode
from dpojob_trainer.shared.rows.row_error import TIE, RowError

from .preset_converters import Columns, Row, number

FIRST, SECOND, NEITHER = "winner_model_a", "winner_model_b", "winner_tie"
OUTCOMES = (FIRST, SECOND, NEITHER)
"""The columns of which one is 1 in each row."""


def read_arena_votes(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read a vote: the prompts, both models' answers to each of them, and the outcome.

    Args:
        row: The row, by column.
        columns: Names in the dataset, by field; chosen is the answer of the first model.

    Returns:
        Prompt, chosen and rejected as message lists, or the row's error. The prompt is what both
        conversations share; they go on apart from the first answer that differs.
    """
    votes = [_vote(row.get(column)) for column in OUTCOMES]
    if sorted(vote for vote in votes if vote is not None) != [0, 0, 1]:
        return RowError(
            ProblemCode.WRONG_TYPE,
            f"not one of {', '.join(map(repr, OUTCOMES))} is 1 and the others 0",
            "remove these rows, or write what each prefers",
        )
    if votes[2] == 1:
        return RowError(TIE, "neither answer is preferred")
    turns: dict[str, list[str]] = {}
    for field in ("prompt", "chosen", "rejected"):
        found = _turns(row.get(columns[field]))
        if found is None:
            return RowError(
                ProblemCode.WRONG_TYPE, f"{columns[field]!r} is neither text nor a list of texts"
            )
        turns[field] = found
    if not len(turns["prompt"]) == len(turns["chosen"]) == len(turns["rejected"]):
        return RowError(
            ProblemCode.BAD_MESSAGE,
            f"{columns['prompt']!r}, {columns['chosen']!r} and {columns['rejected']!r} have not as many turns",
            "remove these rows",
        )
    first, second = (_talk(turns["prompt"], turns[field]) for field in ("chosen", "rejected"))
    differing = (
        at for at, both in enumerate(zip(first, second, strict=True)) if both[0] != both[1]
    )
    size = next(differing, None)
    if size is None:
        return RowError(
            ProblemCode.IDENTICAL_PAIR, f"{columns['chosen']!r} equals {columns['rejected']!r}"
        )
    chosen, rejected = (first, second) if votes[0] == 1 else (second, first)
    return {"prompt": first[:size], "chosen": chosen[size:], "rejected": rejected[size:]}


def _vote(value: Any) -> float | None:
    return float(value) if isinstance(value, bool) else number(value)


def _turns(value: Any) -> list[str] | None:
    """The texts of a list, of a list in JSON, or one text; None for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return value
    return None


def _talk(prompts: list[str], answers: list[str]) -> list[dict[str, str]]:
    return [
        {"role": role, "content": text}
        for both in zip(prompts, answers, strict=True)
        for role, text in zip(("user", "assistant"), both, strict=True)
    ]
