"""The rows that the vectorized validator accepts, with their texts taken from whole columns on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dpojob_trainer.inspection.columns import BoolArray, IntArray, TextColumn
from dpojob_trainer.shared.preference_pair import Format

from .conversation_column import ConversationColumn

ROLE_NAMES = (b"user", b"assistant", b"system")
"""By the codes of `ConversationColumn.roles`."""


@dataclass(frozen=True)
class ValidColumns:
    """Valid rows of a batch, in order."""

    positions: IntArray
    """Their positions in the batch."""
    format: Format
    implicit: bool
    prompts: Callable[[], list[bytes]]
    chosen: Callable[[], list[bytes]]
    rejected: Callable[[], list[bytes]]
    """Their parts as `comparable_bytes` gives them."""
    character_counts: Callable[[], IntArray]
    """Shape (rows, 3): lengths of prompt, chosen and rejected."""


def text_pairs(
    rows: IntArray,
    valid: BoolArray,
    form: Format,
    asked: TextColumn,
    left: TextColumn,
    right: TextColumn,
) -> ValidColumns:
    """Take valid rows of three texts each.

    Args:
        rows: The positions in the batch of all rows of the columns.
        valid: Which of them are valid.
        form: Their format.
        asked: The prompts.
        left: The chosen answers.
        right: The rejected answers.

    Returns:
        The valid rows.
    """
    places = np.flatnonzero(valid)
    return ValidColumns(
        rows[places],
        form,
        False,
        lambda: asked.slices(places),
        lambda: left.slices(places),
        lambda: right.slices(places),
        lambda: np.stack([part.characters()[places] for part in (asked, left, right)], axis=1),
    )


def conversation_pairs(
    rows: IntArray,
    valid: BoolArray,
    prompt: ConversationColumn,
    turns: IntArray,
    left: ConversationColumn,
    right: ConversationColumn,
    *,
    implicit: bool = False,
) -> ValidColumns:
    """Take valid rows of message lists.

    Args:
        rows: The positions in the batch of all rows of the columns.
        valid: Which of them are valid.
        prompt: Message lists that begin with the prompt.
        turns: How many of their messages are the prompt.
        left: Message lists of which the last message is the chosen answer.
        right: Message lists of which the last message is the rejected answer.
        implicit: Whether the prompt was found as the common beginning of both.

    Returns:
        The valid rows.
    """
    places = np.flatnonzero(valid)
    starts = prompt.offsets[:-1][places]
    turns = turns[places]
    answers = (left.offsets[1:] - 1)[places], (right.offsets[1:] - 1)[places]

    def characters() -> IntArray:
        total = np.concatenate(([0], np.cumsum(prompt.contents.characters())))
        asked = total[starts + turns] - total[starts]
        answer_lengths = [
            talk.contents.characters()[at] for talk, at in zip((left, right), answers, strict=True)
        ]
        return np.stack([asked, *answer_lengths], axis=1)

    return ValidColumns(
        rows[places],
        "conversational",
        implicit,
        lambda: _joined(prompt, starts, turns),
        lambda: left.contents.slices(answers[0]),
        lambda: right.contents.slices(answers[1]),
        characters,
    )


def _joined(talk: ConversationColumn, starts: IntArray, turns: IntArray) -> list[bytes]:
    """Prompts of several messages, as `comparable_bytes` gives them."""
    if bool((turns == 1).all()):
        return talk.contents.slices(starts)
    data, offsets, roles = talk.contents.data, talk.contents.offsets.tolist(), talk.roles.tolist()
    found = []
    for start, count in zip(starts.tolist(), turns.tolist(), strict=True):
        if count == 1:
            found.append(data[offsets[start] : offsets[start + 1]])
        else:
            found.append(
                b"\0".join(
                    ROLE_NAMES[roles[at]] + b"\1" + data[offsets[at] : offsets[at + 1]]
                    for at in range(start, start + count)
                )
            )
    return found
