"""The comparison of the vectorized validator with the row validator, and the texts and messages it is made with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from dpojob_trainer.inspection.statistics.row_hash import hash_rows
from dpojob_trainer.inspection.validation import BatchValidator
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.preference_pair import PlainPair
from dpojob_trainer.shared.rows.row_batch import RowBatch

words = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "a",
        "A",
        " a",
        "b",
        "é",
        " é ",
        "one two",
        "\u00a0",
        "x\0",
        "<|im_start|>user\nhi",
        "a <|",
        "[INST] a",
        "x\n\nHuman: b",
        "<|im_end|>",
        "Human: a\nAssistant: ",
        " b\nHuman: c\nAssistant: d",
        "[INST] a [/INST]",
    ]
)
sound_message = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": words}
)
TEXT = pa.string()
LIST = pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))


def agree(validator: BatchValidator, batch: pa.RecordBatch) -> None:
    """Check that both accept the same rows of a batch, with the same hashes and lengths."""
    rows = RowBatch(batch.schema.names, record_batch=batch)
    found = validator.validate(rows, 7, "rows")
    accepted = found.accepted()
    expected = validator.validate_rows(rows, 7, "rows")
    assert sorted(found.errors) == sorted(expected.errors)
    together: dict[int, tuple[Any, ...]] = {}
    for part in accepted:
        together.update(_by_row(part))
    one_by_one = AcceptedBatch.of_pairs(expected.numbers, expected.pairs)
    assert together == (_by_row(one_by_one) if expected.pairs else {})
    implicit = sum(pair.implicit for pair in expected.pairs)
    assert sum(part.implicit_prompts for part in accepted) == implicit
    if found.columns is not None:
        by_number = dict(zip(expected.numbers, expected.pairs, strict=True))
        numbers = (found.columns.positions + 7).tolist()
        for number, plain in zip(numbers, found.columns.plain_pairs(), strict=True):
            pair = by_number[number]
            if isinstance(pair.chosen, list):
                assert plain == PlainPair.of(pair)
            else:
                assert (plain.prompt_text, *plain[2:]) == (pair.prompt, pair.chosen, pair.rejected)
    formats = {pair.format for pair in expected.pairs}
    assert {name for part in accepted for name in part.formats} == formats


def _by_row(accepted: AcceptedBatch) -> dict[int, tuple[Any, ...]]:
    hashes = hash_rows(accepted.prompts, accepted.chosen, accepted.rejected)
    columns = (hashes.prompt, hashes.pair, hashes.exact, hashes.swapped, accepted.lengths.tolist())
    return {
        int(number): tuple(np.asarray(column[at]).tolist() for column in columns)
        for at, number in enumerate(accepted.numbers)
    }
