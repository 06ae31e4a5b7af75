"""The converters of presets for whole batches: columns prompt, chosen and rejected.

A row is null where the converter for single rows (`preset_converters`) may give another result; such
rows are then converted by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS
from dpojob_trainer.shared.rows.turn_marks import ASSISTANT, HUMAN

from .arrow_text import BoolArray, IntArray, TextColumn, arrow_array
from .preset_converters import Columns

NEWLINE = ord("\n")
TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.large_string())]))


def convert_signed_preferences(
    column: str,
) -> Callable[[pa.RecordBatch, Columns], pa.RecordBatch | None]:
    """Make the converter of batches in which a negative number prefers the first answer.

    Args:
        column: The column of the preference.

    Returns:
        A function that takes rows with all columns of the preset and the names of the dataset's columns by
        field, and returns prompt, chosen and rejected; None where the types are unexpected.
    """

    def convert(batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch | None:
        preference = batch.column(column)
        first, second = batch.column(columns["chosen"]), batch.column(columns["rejected"])
        if first.type != second.type or not (
            pa.types.is_integer(preference.type) or pa.types.is_floating(preference.type)
        ):
            return None
        is_first = pc.less(preference, 0)
        chosen = pc.if_else(is_first, first, second)
        rejected = pc.if_else(is_first, second, first)
        return _batch(batch.column(columns["prompt"]), chosen, rejected)

    return convert


def convert_transcripts(batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch | None:
    """Convert hh-rlhf transcripts that begin with a human's turn and end with the assistant's.

    Args:
        batch: Rows with all columns of the preset.
        columns: Names in the dataset, by field.

    Returns:
        Prompt, chosen and rejected; None where the types are unexpected.
    """
    valid = np.ones(batch.num_rows, np.bool_)
    sides = []
    for field in ("chosen", "rejected"):
        column = batch.column(columns[field])
        valid &= ~np.asarray(column.is_null())
        texts = TextColumn.of(column.fill_null("")) if pa.types.is_string(column.type) else None
        if texts is None:
            return None
        sides.append((texts, TurnMarks.of(texts)))
    cuts, answers = [], []
    for texts, marks in sides:
        parts, well_formed = _split_at_last_mark(texts, marks)
        cuts.append(parts)
        answers.append(
            pc.utf8_trim_whitespace(parts.take(arrow_array(np.arange(2, len(parts), 3))))
        )
        valid &= well_formed
    # Compared within the split columns: copying the prompts out of them first takes far longer.
    valid &= np.asarray(pc.equal(*cuts))[::3]
    prompt = _prompt_messages(*sides[0], valid)
    if not valid.all():
        bad = arrow_array(~valid)
        answers = [pc.if_else(bad, None, answer) for answer in answers]
    return _batch(prompt, *answers)


def _batch(*columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns), [*PAIR_FIELDS])


class TurnMarks(NamedTuple):
    """The marks of turns in a column of transcripts, in order."""

    starts: IntArray
    ends: IntArray
    is_answer: BoolArray
    rows: IntArray

    @classmethod
    def of(cls, texts: TextColumn) -> TurnMarks:
        """Find all marks that lie within a row.

        Args:
            texts: The transcripts.

        Returns:
            The marks, in the order of the text.
        """
        data = texts.buffer
        lines = np.flatnonzero(data[:-1] == NEWLINE)
        positions = lines[data[lines + 1] == NEWLINE]
        found = [_with_mark(data, positions, mark.encode()) for mark in (HUMAN, ASSISTANT)]
        starts = np.concatenate(found)
        is_answer = np.repeat([False, True], [len(positions) for positions in found])
        order = np.argsort(starts, kind="stable")  # which merges two sorted runs
        starts, is_answer = starts[order], is_answer[order]
        ends = starts + np.where(is_answer, len(ASSISTANT), len(HUMAN))
        rows = np.searchsorted(texts.offsets, starts, "right") - 1
        inside = ends <= texts.offsets[rows + 1]
        return cls(starts[inside], ends[inside], is_answer[inside], rows[inside])


def _with_mark(data: NDArray[np.uint8], positions: IntArray, mark: bytes) -> IntArray:
    """The positions at which `mark` is, among those at which its first two bytes are."""
    positions = positions[positions + len(mark) <= len(data)]
    for offset, byte in enumerate(mark[2:], 2):
        positions = positions[data[positions + offset] == byte]
    return positions


def _split_at_last_mark(texts: TextColumn, marks: TurnMarks) -> tuple[pa.Array, BoolArray]:
    """Split each row at its last mark.

    Args:
        texts: The transcripts.
        marks: Their marks.

    Returns:
        The text before the mark, the mark and the text after it, row after row; and shape (rows,): which
        rows begin with a human's turn and end with the assistant's.
    """
    begin, end = texts.offsets[:-1], texts.offsets[1:]
    before, after = begin.copy(), begin.copy()
    before[marks.rows], after[marks.rows] = marks.starts, marks.ends  # the last one stays
    answered = np.zeros(len(begin), np.bool_)
    answered[marks.rows] = marks.is_answer
    opened = np.zeros(len(begin), np.bool_)
    opened[marks.rows[(marks.starts == begin[marks.rows]) & ~marks.is_answer]] = True
    bounds = np.stack([begin, before, after], axis=1).ravel()
    return _parts(texts, np.append(bounds, end[-1:])), answered & opened


def _prompt_messages(texts: TextColumn, marks: TurnMarks, valid: BoolArray) -> pa.Array:
    """The messages that follow each mark except the last of a row; null in rows that are not `valid`."""
    at = np.flatnonzero(marks.rows[1:] == marks.rows[:-1])
    bounds = np.stack([marks.ends[at], marks.starts[at + 1]], axis=1).ravel()
    parts = _parts(texts, np.append(bounds, texts.offsets[-1]))
    contents = pc.utf8_trim_whitespace(parts.take(arrow_array(np.arange(len(at)) * 2)))
    kept = np.asarray(pc.greater(pc.binary_length(contents), 0))
    roles = pa.DictionaryArray.from_arrays(
        arrow_array(marks.is_answer[at][kept].astype(np.int8)), pa.array(["user", "assistant"])
    )
    messages = pa.StructArray.from_arrays(
        [roles.dictionary_decode(), contents.filter(arrow_array(kept))],
        fields=list(TURNS.value_type),
    )
    counts = np.bincount(marks.rows[at][kept], minlength=len(valid))
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    return pa.ListArray.from_arrays(
        arrow_array(offsets), messages, type=TURNS, mask=arrow_array(~valid)
    )


def _parts(texts: TextColumn, bounds: IntArray) -> pa.Array:
    """The text between each two of the ascending `bounds`."""
    return pa.LargeStringArray.from_buffers(
        len(bounds) - 1, pa.py_buffer(bounds.astype(np.int64)), pa.py_buffer(texts.buffer)
    )
