"""Published sets of comparisons whose rows hold two answers and, each in its own form, which one is preferred."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dpojob_api.report import ProblemCode
from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS
from dpojob_trainer.shared.rows.row_error import TIE, RowError

from .preset_converters import Columns, Row, number

FIRST, SECOND, NEITHER = "winner_model_a", "winner_model_b", "winner_tie"
OUTCOMES = (FIRST, SECOND, NEITHER)
"""The columns of which one is 1 in each row."""
ANSWER_SCORES = ("score_0", "score_1")
"""The scores of the first and of the second answer; one is the negative of the other."""


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
    for field in PAIR_FIELDS:
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


def read_summary_choice(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read a comparison of summarize_from_feedback: a text, two summaries of it, and the number of the better one.

    Args:
        row: The row, by column; `choice` is 0 or 1, the place of the preferred summary.
        columns: Names in the dataset, by field; chosen is the column of both summaries.

    Returns:
        Prompt, chosen and rejected as texts, or the row's error. The prompt is written as in Stiennon et al.
        (2020), Learning to summarize from human feedback: of a post its forum, title and text, else the
        article, and `TL;DR:` after it.
    """
    source, summaries = row.get(columns["prompt"]), row.get(columns["chosen"])
    listed = summaries if isinstance(summaries, list) else []
    found = [summary.get("text") for summary in listed if isinstance(summary, Mapping)]
    texts = [text.strip() for text in found if isinstance(text, str)]
    if not len(texts) == len(listed) == 2:
        return RowError(
            ProblemCode.WRONG_TYPE,
            f"{columns['chosen']!r} does not hold the texts of two summaries",
        )
    choice = number(row.get("choice"))
    if choice not in (0, 1):
        return RowError(ProblemCode.WRONG_TYPE, "'choice' is neither 0 nor 1")
    prompt = _summary_prompt(source)
    if prompt is None:
        return RowError(
            ProblemCode.EMPTY_PROMPT, f"{columns['prompt']!r} holds neither a post nor an article"
        )
    chosen, rejected = texts if choice == 0 else reversed(texts)
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def _summary_prompt(source: Any) -> str | None:
    if not isinstance(source, Mapping):
        return None
    named = (("SUBREDDIT: r/", "subreddit"), ("TITLE: ", "title"), ("POST: ", "post"))
    article = source.get("article")
    parts = [f"Article: {article}"] if isinstance(article, str) and article.strip() else []
    if isinstance(source.get("post"), str) and source["post"].strip():
        parts = [f"{label}{source[key]}" for label, key in named if source.get(key)]
    return "\n\n".join([*parts, "TL;DR:"]) if parts else None


def read_scored_answers(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read a comparison of webgpt_comparisons: the answer of the higher score is the preferred one.

    Args:
        row: The row, by column.
        columns: Names in the dataset, by field; chosen is the first answer.

    Returns:
        Chosen and rejected, or the row's error.
    """
    first, second = (number(row.get(column)) for column in ANSWER_SCORES)
    if first is None or second is None:
        return RowError(
            ProblemCode.NULL_VALUE,
            f"{ANSWER_SCORES[0]!r} or {ANSWER_SCORES[1]!r} is null or not a number",
        )
    answers = [row.get(columns[field]) for field in ("chosen", "rejected")]
    chosen, rejected = answers if first > second else reversed(answers)
    return {"chosen": chosen, "rejected": rejected}


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
