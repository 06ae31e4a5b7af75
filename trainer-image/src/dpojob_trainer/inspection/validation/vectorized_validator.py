"""Valid rows found by whole columns, much faster than one by one.

Rows that are not certainly valid are left to `normalize_row`, so this may only be too strict; a test
checks that both agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dpojob_trainer.inspection.layouts import (
    NATIVE,
    BoolArray,
    ColumnLayout,
    IntArray,
    TextColumn,
    arrow_array,
    is_list,
    is_text,
    with_fields,
)
from dpojob_trainer.shared.rows.preference_pair import PlainPair

from .conversation_column import ASSISTANT, OTHER, USER, ConversationColumn
from .valid_columns import (
    ValidColumns,
    conversation_pairs,
    text_pairs,
    valid_texts,
)

ANSWERS = ("chosen", "rejected")


def validate_columns(
    layout: ColumnLayout, batch: pa.RecordBatch, chat: bool
) -> ValidColumns | None:
    """Find valid rows by whole columns.

    Args:
        layout: How the dataset's columns are read.
        batch: Rows with the columns of the layout, as far as their file has them.
        chat: Whether training gets message lists.

    Returns:
        The rows that are certainly valid; None where the batch must be validated row by row.
    """
    preset = layout.preset
    with_paths = with_fields(batch, list(layout.columns.values()))
    if with_paths is None or layout.prompt_parts:
        return None
    batch = with_paths
    names = set(batch.schema.names)
    if not {*preset.also, *layout.required} <= names:
        return None
    # A column that only other files or blocks have is null here.
    layout = replace(
        layout, columns={f: name for f, name in layout.columns.items() if name in names}
    )
    if "tools" in layout.columns:
        return None
    kept = np.ones(batch.num_rows, np.bool_)
    if preset.is_tie is not None:
        kept &= ~_ties(preset.is_tie, batch.select(list(preset.also)))
    if preset.convert is not None:
        if preset.convert_batch is None or "system" in layout.columns:
            return None
        converted = preset.convert_batch(batch, layout.columns)
        if converted is None:
            return None
        batch = converted
        layout = replace(layout, columns={name: name for name in batch.schema.names}, preset=NATIVE)
    if layout.label is not None:
        decided = layout.label.decide_batch(
            batch, layout.columns["chosen"], layout.columns["rejected"]
        )
        if decided is None:
            return None
        batch = decided
    for column in layout.required:
        kept &= ~np.asarray(batch.column(column).is_null())
    rows = np.flatnonzero(kept)
    if len(rows) < batch.num_rows:
        batch = batch.filter(arrow_array(kept))
    if not len(rows):
        return None
    chosen, rejected = (_as_list(batch.column(layout.columns[name])) for name in ANSWERS)
    prompt = (
        _as_list(batch.column(layout.columns["prompt"])) if "prompt" in layout.columns else None
    )
    left, right = TextColumn.of(chosen), TextColumn.of(rejected)
    if "system" in layout.columns:
        system = TextColumn.of(_filled(batch.column(layout.columns["system"])))
        prompt_texts = TextColumn.of(prompt) if prompt is not None else None
        if system is None or prompt_texts is None or left is None or right is None:
            return None
        return _texts_with_system(rows, system, prompt_texts, left, right, chat)
    if left is not None and right is not None:
        if prompt is not None and is_list(prompt.type):
            return _message_prompts(
                layout,
                rows,
                prompt,
                ConversationColumn.answers(left),
                ConversationColumn.answers(right),
            )
        return _texts(rows, prompt, left, right)
    first, second = (
        ConversationColumn.of(chosen, layout.message_keys),
        ConversationColumn.of(rejected, layout.message_keys),
    )
    if first is None or second is None:
        return None
    if bool(((first.counts == 1) & (second.counts == 1)).all()):
        return _answers(layout, rows, prompt, first, second)
    return _whole_conversations(rows, prompt, first, second)


def _as_list(column: pa.Array) -> pa.Array:
    """Objects without nulls as lists of one: an answer that is a single message."""
    if not pa.types.is_struct(column.type):
        return column
    return pa.ListArray.from_arrays(np.arange(len(column) + 1, dtype=np.int32), column)


def _ties(tie: Callable[[Mapping[str, Any]], bool], scores: pa.RecordBatch) -> BoolArray:
    """The rows that tie; each distinct value of a single column is tested once."""
    if scores.num_columns > 1 or pa.types.is_nested(scores.column(0).type):
        rows = scores.to_pylist()
        return np.fromiter((tie(row) for row in rows), np.bool_, len(rows))
    name, column = scores.schema.names[0], scores.column(0)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    tie_of_value = [tie({name: value}) for value in (*column.dictionary.to_pylist(), None)]
    return np.asarray(
        np.array(tie_of_value)[np.asarray(column.indices.fill_null(len(tie_of_value) - 1))]
    )


def _texts(
    rows: IntArray, prompt: pa.Array | None, left: TextColumn, right: TextColumn
) -> ValidColumns | None:
    prompt_texts = TextColumn.of(prompt) if prompt is not None else None
    if prompt_texts is None:
        return None
    valid = prompt_texts.visible & left.visible & right.visible & _differ(left, right)
    return text_pairs(rows, valid, "standard", prompt_texts, left, right)


def _filled(column: pa.Array) -> pa.Array:
    """The column with empty texts for nulls."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.fill_null("") if is_text(column.type) else column


def _texts_with_system(
    rows: IntArray,
    system: TextColumn,
    prompt_texts: TextColumn,
    left: TextColumn,
    right: TextColumn,
    chat: bool,
) -> ValidColumns:
    """Rows of texts, some with a system prompt: a message, or text before the prompt."""
    has_system = system.visible
    valid = has_system | (np.diff(system.offsets) == 0)
    valid &= prompt_texts.visible & left.visible & right.visible & _differ(left, right)
    indices = np.flatnonzero(valid_texts(valid, prompt_texts, left, right))
    form = b"system\1%b\0user\1%b" if chat else b"%b\n\n%b"

    def prompts() -> list[bytes]:
        texts = zip(
            has_system[indices].tolist(),
            system.slices(indices),
            prompt_texts.slices(indices),
            strict=True,
        )
        return [form % (before, text) if has_text else text for has_text, before, text in texts]

    def characters() -> IntArray:
        before = system.characters() + (0 if chat else 2)
        prompt = prompt_texts.characters() + np.where(has_system, before, 0)
        found = np.stack([prompt, left.characters(), right.characters()], axis=1)
        return np.asarray(found[indices])

    def plain_pairs() -> list[PlainPair]:
        return [
            PlainPair(("system", "user"), (before, text), *answers)
            if has_text
            else PlainPair(("user",), (text,), *answers)
            for has_text, before, text, *answers in zip(
                has_system[indices].tolist(),
                *(part.texts(indices) for part in (system, prompt_texts, left, right)),
                strict=True,
            )
        ]

    return ValidColumns(
        rows[indices],
        "standard",
        False,
        prompts,
        lambda: left.slices(indices),
        lambda: right.slices(indices),
        characters,
        plain_pairs,
    )


def _differ(left: TextColumn, right: TextColumn) -> BoolArray:
    return np.asarray(pc.not_equal(left.array, right.array))


def _answers(
    layout: ColumnLayout,
    rows: IntArray,
    prompt: pa.Array | None,
    left: ConversationColumn,
    right: ConversationColumn,
) -> ValidColumns | None:
    """A prompt and two answers of one message each."""
    prompt_texts = TextColumn.of(prompt) if prompt is not None else None
    if prompt_texts is None:
        return None if prompt is None else _message_prompts(layout, rows, prompt, left, right)
    valid = _valid_answers(left, right) & prompt_texts.visible
    return text_pairs(rows, valid, "conversational", prompt_texts, left.contents, right.contents)


def _valid_answers(left: ConversationColumn, right: ConversationColumn) -> BoolArray:
    """Find the valid rows among answers of one message each."""
    valid = (left.roles == ASSISTANT) & (right.roles == ASSISTANT)
    valid &= left.contents.visible & right.contents.visible
    return np.asarray(valid & _differ(left.contents, right.contents))


def _message_prompts(
    layout: ColumnLayout,
    rows: IntArray,
    prompt: pa.Array,
    left: ConversationColumn,
    right: ConversationColumn,
) -> ValidColumns | None:
    """A prompt of messages and two answers of one message each."""
    valid = _valid_answers(left, right)
    conversation = ConversationColumn.of(prompt, layout.message_keys)
    if conversation is None:
        return None
    last = conversation.offsets[1:] - 1
    valid &= (conversation.counts > 0) & ~conversation.any(conversation.roles == OTHER)
    valid &= (conversation.at(conversation.roles, last) == USER) & conversation.at(
        conversation.contents.visible, last
    ).astype(bool)
    return conversation_pairs(rows, valid, conversation, conversation.counts, left, right)


def _whole_conversations(
    rows: IntArray, prompt: pa.Array | None, left: ConversationColumn, right: ConversationColumn
) -> ValidColumns | None:
    """Conversations that differ in their last message only."""
    if not np.array_equal(left.offsets, right.offsets):
        return None
    last = left.offsets[1:] - 1
    differ = _differ(left.contents, right.contents) | (left.roles != right.roles)
    only_last = np.zeros(len(differ), np.bool_)
    only_last[last[left.counts > 0]] = True
    valid = (left.counts > 1) & ~left.any(differ & ~only_last) & left.at(differ, last).astype(bool)
    valid &= ~left.any(left.roles == OTHER)
    for conversation in (left, right):
        valid &= (conversation.at(conversation.roles, last) == ASSISTANT) & conversation.at(
            conversation.contents.visible, last
        ).astype(bool)
    valid &= left.at(left.roles, last - 1) == USER
    valid &= left.at(left.contents.visible, last - 1).astype(bool)
    valid &= left.at(left.roles, left.offsets[:-1]) != ASSISTANT
    if prompt is not None:
        prompt_texts = TextColumn.of(prompt)
        if prompt_texts is None:
            return None
        inside = left.contents.array.take(arrow_array(np.maximum(last - 1, 0)))
        valid &= np.asarray(pc.equal(prompt_texts.array, inside))
    return conversation_pairs(
        rows, valid, left, left.counts - 1, left, right, implicit=prompt is None
    )
