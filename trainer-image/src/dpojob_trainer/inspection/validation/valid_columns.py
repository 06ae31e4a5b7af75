"""The rows that the vectorized validator accepts, with their texts taken from whole columns on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow.compute as pc

from dpojob_trainer.inspection.layouts import BoolArray, IntArray, TextColumn, arrow_array
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.preference_pair import Format, PlainPair
from dpojob_trainer.shared.rows.turn_marks import (
    BEGINNINGS,
    ENDS_WITH_ANSWER_MARK,
    LONGEST_END,
    USER_MARK,
)

from .conversation_column import ROLES, ConversationColumn

ROLE_NAMES = tuple(role.encode() for role in ROLES)
"""The names of roles as bytes, indexed by the codes of `ConversationColumn.roles`."""
VISIBLE_BEGINNING = r"^[!-~\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{3001}-\x{d7ff}\x{e000}-\x{10ffff}]"
"""A text's first character that is no white space; punctuation from U+2000 to U+2FFF is left out too."""


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
    plain_pairs: Callable[[], list[PlainPair]]
    """The rows' texts, as training gets them with a chat template; without one prompts are joined."""

    def accepted(
        self,
        first_row: int,
        kept: IntArray | None = None,
        lengths: IntArray | None = None,
    ) -> AcceptedBatch:
        """Give rows as arrays.

        Args:
            first_row: The row number of the batch's first row.
            kept: Which of the rows; None for all.
            lengths: Their lengths in tokens, of shape (rows, 3); None to count characters.

        Returns:
            The rows.
        """
        counts = self.character_counts() if lengths is None else lengths
        whole = AcceptedBatch(
            self.positions + first_row,
            self.prompts(),
            self.chosen(),
            self.rejected(),
            np.zeros((len(self.positions), 3), np.int64) if lengths is not None else counts,
            Counter(),
            0,
        )
        part = whole if kept is None else whole.take(kept)
        count = len(part.numbers)
        return replace(
            part,
            lengths=counts,
            formats=Counter({self.format: count} if count else {}),
            implicit_prompts=count if self.implicit else 0,
        )


def without_turn_marks(answers: TextColumn) -> BoolArray:
    """Tell which answers surely hold no mark of another turn, for which a row would be an error.

    Args:
        answers: The answers' texts.

    Returns:
        Shape (rows,): whether they hold none.
    """
    return ~answers.contains_any(BEGINNINGS)


def without_marked_prompts(
    valid: BoolArray, is_marked: BoolArray, answers: Sequence[tuple[TextColumn, IntArray]]
) -> BoolArray:
    """Leave out rows whose prompt ends with an answer's mark and changes how an answer is read.

    After such a mark white space before the answer is no part of it, and a user's mark in it is an error.

    Args:
        valid: Shape (rows,): the rows that are valid otherwise.
        is_marked: Shape (rows,): whether the prompt may end with such a mark.
        answers: The texts of chosen and of rejected, with the position of each row's answer among them.

    Returns:
        Shape (rows,): the rows that are valid, and whose answers are read as they are.
    """
    rows = np.flatnonzero(valid & is_marked)
    if not len(rows):
        return valid
    kept = valid.copy()
    for column, positions in answers:
        texts = column.array.take(arrow_array(positions[rows]))
        begun = pc.match_substring_regex(texts, VISIBLE_BEGINNING)
        asked = pc.match_substring_regex(texts, USER_MARK.pattern.decode())
        kept[rows] &= np.asarray(begun).astype(bool) & ~np.asarray(asked).astype(bool)
    return kept


def ends_with_answer_mark(prompts: TextColumn) -> BoolArray:
    """Tell which prompts may end with the mark of the answer's turn.

    Args:
        prompts: The texts of the prompts.

    Returns:
        Shape (rows,): whether they do.
    """
    endings = pc.utf8_slice_codeunits(prompts.array, start=-LONGEST_END)
    return np.asarray(pc.match_substring_regex(endings, f"{ENDS_WITH_ANSWER_MARK}$")).astype(bool)


def valid_texts(
    valid: BoolArray, prompts: TextColumn, left: TextColumn, right: TextColumn
) -> BoolArray:
    """Leave out rows whose answers may hold a mark of another turn, or are read otherwise after the prompt's.

    Args:
        valid: Shape (rows,): the rows that are valid otherwise.
        prompts: The texts of the prompts.
        left: The chosen answers.
        right: The rejected answers.

    Returns:
        Shape (rows,): the valid rows.
    """
    valid = valid & without_turn_marks(left) & without_turn_marks(right)
    rows = np.arange(len(valid))
    return without_marked_prompts(
        valid, ends_with_answer_mark(prompts), [(left, rows), (right, rows)]
    )


def text_pairs(
    rows: IntArray,
    valid: BoolArray,
    form: Format,
    prompts: TextColumn,
    left: TextColumn,
    right: TextColumn,
) -> ValidColumns:
    """Take valid rows of three texts each.

    Args:
        rows: The positions in the batch of all rows of the columns.
        valid: Which of them are valid.
        form: Their format.
        prompts: The texts of the prompts.
        left: The chosen answers.
        right: The rejected answers.

    Returns:
        The valid rows.
    """
    indices = np.flatnonzero(valid_texts(valid, prompts, left, right))
    return ValidColumns(
        rows[indices],
        form,
        False,
        lambda: prompts.slices(indices),
        lambda: left.slices(indices),
        lambda: right.slices(indices),
        lambda: np.stack([part.characters()[indices] for part in (prompts, left, right)], axis=1),
        lambda: [
            PlainPair(("user",), (prompt,), chosen, rejected)
            for prompt, chosen, rejected in zip(
                prompts.texts(indices), left.texts(indices), right.texts(indices), strict=True
            )
        ],
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
    for conversation in (left, right):
        last = conversation.offsets[1:] - 1
        valid = valid & conversation.at(without_turn_marks(conversation.contents), last).astype(
            bool
        )
    is_marked = prompt.at(
        ends_with_answer_mark(prompt.contents), prompt.offsets[:-1] + turns - 1
    ).astype(bool)
    valid = without_marked_prompts(
        valid, is_marked, [(each.contents, each.offsets[1:] - 1) for each in (left, right)]
    )
    indices = np.flatnonzero(valid)
    starts = prompt.offsets[:-1][indices]
    turns = turns[indices]
    answers = (left.offsets[1:] - 1)[indices], (right.offsets[1:] - 1)[indices]

    def characters() -> IntArray:
        total = np.concatenate(([0], np.cumsum(prompt.contents.characters())))
        prompt_lengths = total[starts + turns] - total[starts]
        answer_lengths = [
            conversation.contents.characters()[at]
            for conversation, at in zip((left, right), answers, strict=True)
        ]
        return np.stack([prompt_lengths, *answer_lengths], axis=1)

    def plain_pairs() -> list[PlainPair]:
        roles, contents = prompt.messages()
        bounds = zip(starts.tolist(), (starts + turns).tolist(), strict=True)
        sides = [
            conversation.contents.texts(at)
            for conversation, at in zip((left, right), answers, strict=True)
        ]
        return [
            PlainPair(tuple(roles[start:end]), tuple(contents[start:end]), chosen, rejected)
            for (start, end), chosen, rejected in zip(bounds, *sides, strict=True)
        ]

    return ValidColumns(
        rows[indices],
        "conversational",
        implicit,
        lambda: _joined(prompt, starts, turns),
        lambda: left.contents.slices(answers[0]),
        lambda: right.contents.slices(answers[1]),
        characters,
        plain_pairs,
    )


def _joined(conversation: ConversationColumn, starts: IntArray, turns: IntArray) -> list[bytes]:
    """Prompts of several messages, as `comparable_bytes` gives them."""
    if bool((turns == 1).all()):
        return conversation.contents.slices(starts)
    data, offsets, roles = (
        conversation.contents.data,
        conversation.contents.offsets.tolist(),
        conversation.roles.tolist(),
    )
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
