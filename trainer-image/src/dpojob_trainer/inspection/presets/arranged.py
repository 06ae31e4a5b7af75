"""The rules of presets over whole columns: prompt, chosen and rejected of a batch at once.

A row is null where the rule for single rows (`rules`) may say anything else; that rule then decides.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dpojob_trainer.inspection.columns import Mask, Texts, Whole

from .rules import HUMAN

START = HUMAN.encode()
MARK = re.compile(rb"\n\n(?:Human|Assistant):")
"""HUMAN or ASSISTANT; their shared beginning in front, by which the search is quick."""
TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.large_string())]))


def arrange_signed_preference(batch: pa.RecordBatch) -> pa.RecordBatch | None:
    """HelpSteer3: a negative preference is for response1."""
    preference = batch.column("overall_preference")
    first, second = batch.column("response1"), batch.column("response2")
    if first.type != second.type or not (
        pa.types.is_integer(preference.type) or pa.types.is_floating(preference.type)
    ):
        return None
    is_first = pc.less(preference, 0)
    chosen = pc.if_else(is_first, first, second)
    rejected = pc.if_else(is_first, second, first)
    return _batch(batch.column("context"), chosen, rejected)


def arrange_transcripts(batch: pa.RecordBatch) -> pa.RecordBatch | None:
    """hh-rlhf: transcripts that begin with a human's turn and end with the assistant's."""
    sound = np.ones(batch.num_rows, np.bool_)
    openings, answers = [], []
    for name in ("chosen", "rejected"):
        column = batch.column(name)
        sound &= ~np.asarray(column.is_null())
        texts = Texts.of(column.fill_null("")) if pa.types.is_string(column.type) else None
        if texts is None:
            return None
        opening, answer, whole = _cut(texts)
        openings.append(opening)
        answers.append(pc.utf8_trim_whitespace(answer))
        sound &= whole
    sound &= np.asarray(pc.equal(*openings))
    bad = pa.array(~sound)
    prompt = _turns(Texts.of(openings[0]), sound)
    return _batch(prompt, *(pc.if_else(bad, None, answer) for answer in answers))


def _batch(*columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns), ["prompt", "chosen", "rejected"])


def _marks(texts: Texts) -> tuple[Whole, Whole, Mask, Whole]:
    """Where the marks start and end, which are the assistant's, and in which row each is."""
    found = [match.span() for match in MARK.finditer(texts.data)]
    spans = np.array(found, np.int64).reshape(-1, 2)
    rows = np.searchsorted(texts.offsets, spans[:, 0], "right") - 1
    spans = spans[inside := spans[:, 1] <= texts.offsets[rows + 1]]
    return spans[:, 0], spans[:, 1], spans[:, 1] - spans[:, 0] > len(START), rows[inside]


def _cut(texts: Texts) -> tuple[pa.Array, pa.Array, Mask]:
    """What is before and after the last mark of each row, and where that is plainly an answer."""
    starts, ends, is_answer, rows = _marks(texts)
    begin, end = texts.offsets[:-1], texts.offsets[1:]
    before, after = begin.copy(), begin.copy()
    before[rows], after[rows] = starts, ends  # the last one stays
    answered = np.zeros(len(begin), np.bool_)
    answered[rows] = is_answer
    opened = np.zeros(len(begin), np.bool_)
    opened[rows[(starts == begin[rows]) & ~is_answer]] = True
    bounds = np.stack([begin, before, after], axis=1).ravel()
    parts = _parts(texts, np.append(bounds, end[-1:]))
    places = np.arange(len(begin)) * 3
    return parts.take(pa.array(places)), parts.take(pa.array(places + 2)), answered & opened


def _turns(texts: Texts | None, sound: Mask) -> pa.Array:
    """Openings as turns; null where `sound` is not."""
    assert texts is not None
    starts, ends, is_answer, rows = _marks(texts)
    last = np.append(rows[1:] != rows[:-1], True)[: len(rows)]
    until = np.where(last, texts.offsets[rows + 1], np.append(starts[1:], 0)[: len(rows)])
    bounds = np.append(np.stack([ends, until], axis=1).ravel(), texts.offsets[-1])
    said = _parts(texts, bounds).take(pa.array(np.arange(len(rows)) * 2))
    said = pc.utf8_trim_whitespace(said)
    kept = np.asarray(pc.greater(pc.binary_length(said), 0))
    names = pa.DictionaryArray.from_arrays(
        pa.array(is_answer[kept].astype(np.int8)), pa.array(["user", "assistant"])
    )
    messages = pa.StructArray.from_arrays(
        [names.dictionary_decode(), said.filter(pa.array(kept))], fields=list(TURNS.value_type)
    )
    counts = np.bincount(rows[kept], minlength=len(sound))
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), messages, type=TURNS, mask=pa.array(~sound))


def _parts(texts: Texts, bounds: Whole) -> pa.Array:
    """The text between each two of the ascending `bounds`."""
    return pa.LargeStringArray.from_buffers(
        len(bounds) - 1, pa.py_buffer(bounds.astype(np.int64)), pa.py_buffer(texts.data)
    )
