"""The tokens of a row as text, with those of the answers apart, as training gets them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from dpojob_trainer.shared.rows.preference_pair import (
    PAIR_FIELDS,
    Format,
    MessageList,
    PreferencePair,
)
from dpojob_trainer.shared.rows.row_error import RowError

from .model_context import ModelContext

MAX_CHARACTERS = 2000
"""The most characters of each text that are shown."""


class RowTokens(NamedTuple):
    """A row in pieces: tokens, or whole texts where the model has no tokenizer."""

    prompt: list[str]
    chosen: list[str]
    rejected: list[str]


def row_tokens(model: ModelContext, row: Mapping[str, Any]) -> RowTokens | None:
    """Tokenize a row as `TokenCounter` counts it.

    Args:
        model: The job's model.
        row: A row of `accepted_rows`; its texts are clipped.

    Returns:
        The tokens; None where the chat template refuses the clipped row.
    """
    prompt, chosen, rejected = (_clipped(row[part]) for part in PAIR_FIELDS)
    counter = model.counter()
    if counter is None or model.tokenizer is None:
        return RowTokens([_text(prompt)], [_text(chosen)], [_text(rejected)])
    is_text = isinstance(chosen, str)
    tools = json.loads(row["tools"]) if "tools" in row else None
    form: Format = "standard" if is_text else "conversational"
    pair = PreferencePair(prompt, chosen, rejected, form, tools)
    (length,) = counter.lengths([pair])
    if isinstance(length, RowError):
        return None
    _, *answers = counter.texts(pair)
    left, right = (_tokens(model.tokenizer, text, special=is_text) for text in answers)
    return RowTokens(left[: length.prompt], left[length.prompt :], right[length.prompt :])


def _tokens(tokenizer: Tokenizer, text: str, *, special: bool) -> list[str]:
    """The text of each token with the white space before it, which some tokenizers leave out."""
    encoding = tokenizer.encode(text, add_special_tokens=special)
    found, shown = [], 0
    for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
        # A token that the tokenizer adds is not in the text; one that ends within a character has no text of its own.
        found.append(text[shown:end] if start < end else token)
        shown = max(shown, end)
    return found


def _clipped(value: str | MessageList) -> Any:
    if isinstance(value, str):
        return value[:MAX_CHARACTERS]
    return [
        {**turn, "content": turn["content"][:MAX_CHARACTERS]} if "content" in turn else turn
        for turn in value
    ]


def _text(value: str | MessageList) -> str:
    if isinstance(value, str):
        return value
    return "\n".join(f"{turn['role']}: {turn.get('content', '')}" for turn in value)
