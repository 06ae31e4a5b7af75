"""The converters of presets for whole batches: columns prompt, chosen and rejected.

A row is null where the converter for single rows (`preset_converters`) may give another result; such
rows are then converted by it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .arrow_text import BoolArray, IntArray, TextColumn
from .preset_converters import ASSISTANT, HUMAN, Columns

NEWLINE = ord("\n")
TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.large_string())]))


def convert_signed_preferences(batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch | None:
    """Convert HelpSteer3, where a negative preference is for response1.

    Args:
        batch: Rows with all columns of the preset.
        columns: Names in the dataset, by field.

    Returns:
        Prompt, chosen and rejected; None where the types are unexpected.
    """
    preference = batch.column("overall_preference")
    first, second = batch.column(columns["chosen"]), batch.column(columns["rejected"])
    if first.type != second.type or not (
        pa.types.is_integer(preference.type) or pa.types.is_floating(preference.type)
    ):
        return None
    is_first = pc.less(preference, 0)
    chosen = pc.if_else(is_first, first, second)
    rejected = pc.if_else(is_first, second, first)
    return _batch(batch.column(columns["prompt"]), chosen, rejected)


def convert_transcripts(batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch | None:
    """Convert hh-rlhf transcripts that begin with a human's turn and end with the assistant's.

    Args:
        batch: Rows with all columns of the preset.
        columns: Names in the dataset, by field.

    Returns:
        Prompt, chosen and rejected; None where the types are unexpected.
    """
    sound = np.ones(batch.num_rows, np.bool_)
    sides = []
    for field in ("chosen", "rejected"):
        column = batch.column(columns[field])
        sound &= ~np.asarray(column.is_null())
        texts = TextColumn.of(column.fill_null("")) if pa.types.is_string(column.type) else None
        if texts is None:
            return None
        sides.append((texts, TurnMarks.of(texts)))
    cuts, answers = [], []
    for texts, marks in sides:
        parts, whole = _cut(texts, marks)
        cuts.append(parts)
        answers.append(pc.utf8_trim_whitespace(parts.take(pa.array(np.arange(2, len(parts), 3)))))
        sound &= whole
    # Compared where they lie: to copy the openings together takes far longer.
    sound &= np.asarray(pc.equal(*cuts))[::3]
    prompt = _turns(*sides[0], sound)
    if not sound.all():
        bad = pa.array(~sound)
        answers = [pc.if_else(bad, None, answer) for answer in answers]
    return _batch(prompt, *answers)


def _batch(*columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns), ["prompt", "chosen", "rejected"])


class TurnMarks(NamedTuple):
    """The marks of turns in a column of transcripts, in order."""

    starts: IntArray
    ends: IntArray
    is_answer: BoolArray
    rows: IntArray

    @classmethod
    def of(cls, texts: TextColumn) -> TurnMarks:
        """All marks that lie within a row."""
        data = texts.buffer
        lines = np.flatnonzero(data[:-1] == NEWLINE)
        places = lines[data[lines + 1] == NEWLINE]
        found = [_followed(data, places, mark.encode()) for mark in (HUMAN, ASSISTANT)]
        starts = np.concatenate(found)
        is_answer = np.repeat([False, True], [len(places) for places in found])
        order = np.argsort(starts, kind="stable")  # which merges two sorted runs
        starts, is_answer = starts[order], is_answer[order]
        ends = starts + np.where(is_answer, len(ASSISTANT), len(HUMAN))
        rows = np.searchsorted(texts.offsets, starts, "right") - 1
        inside = ends <= texts.offsets[rows + 1]
        return cls(starts[inside], ends[inside], is_answer[inside], rows[inside])


def _followed(data: NDArray[np.uint8], places: IntArray, mark: bytes) -> IntArray:
    """The places at which `mark` is, of those at which its first two bytes are."""
    places = places[places + len(mark) <= len(data)]
    for offset, byte in enumerate(mark[2:], 2):
        places = places[data[places + offset] == byte]
    return places


def _cut(texts: TextColumn, marks: TurnMarks) -> tuple[pa.Array, BoolArray]:
    """Three parts of each row, one after another: what is before its last mark, the mark, what is
    after it; and where that is plainly an answer."""
    begin, end = texts.offsets[:-1], texts.offsets[1:]
    before, after = begin.copy(), begin.copy()
    before[marks.rows], after[marks.rows] = marks.starts, marks.ends  # the last one stays
    answered = np.zeros(len(begin), np.bool_)
    answered[marks.rows] = marks.is_answer
    opened = np.zeros(len(begin), np.bool_)
    opened[marks.rows[(marks.starts == begin[marks.rows]) & ~marks.is_answer]] = True
    bounds = np.stack([begin, before, after], axis=1).ravel()
    return _parts(texts, np.append(bounds, end[-1:])), answered & opened


def _turns(texts: TextColumn, marks: TurnMarks, sound: BoolArray) -> pa.Array:
    """What follows each mark but a row's last, as turns; null where `sound` is not."""
    at = np.flatnonzero(marks.rows[1:] == marks.rows[:-1])
    bounds = np.stack([marks.ends[at], marks.starts[at + 1]], axis=1).ravel()
    parts = _parts(texts, np.append(bounds, texts.offsets[-1]))
    said = pc.utf8_trim_whitespace(parts.take(pa.array(np.arange(len(at)) * 2)))
    kept = np.asarray(pc.greater(pc.binary_length(said), 0))
    roles = pa.DictionaryArray.from_arrays(
        pa.array(marks.is_answer[at][kept].astype(np.int8)), pa.array(["user", "assistant"])
    )
    messages = pa.StructArray.from_arrays(
        [roles.dictionary_decode(), said.filter(pa.array(kept))], fields=list(TURNS.value_type)
    )
    counts = np.bincount(marks.rows[at][kept], minlength=len(sound))
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), messages, type=TURNS, mask=pa.array(~sound))


def _parts(texts: TextColumn, bounds: IntArray) -> pa.Array:
    """The text between each two of the ascending `bounds`."""
    return pa.LargeStringArray.from_buffers(
        len(bounds) - 1, pa.py_buffer(bounds.astype(np.int64)), pa.py_buffer(texts.buffer)
    )
