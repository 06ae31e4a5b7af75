"""Ids used as keys take memory by the rows, not by their square, and are reported where they are columns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.readers.jsonl_arrow import newlines, parse_block
from dpojob_trainer.inspection.readers.key_growth_guard import MAX_CELLS, too_many_keys

ROWS = 8000
PAIR = {"prompt": "q", "chosen": "yes", "rejected": "no"}


def block(rows: list[dict[str, Any]]) -> pa.Buffer:
    return pa.py_buffer("".join(json.dumps(row) + "\n" for row in rows).encode())


def grows(rows: list[dict[str, Any]]) -> bool:
    data = block(rows)
    ends = newlines(data)
    return too_many_keys(data, np.concatenate(([0], ends[:-1] + 1)), ends)


@pytest.mark.parametrize("some", [1, 2, 10])
@pytest.mark.parametrize("deep", [False, True], ids=["columns", "inside a column"])
def test_distinct_keys_in_some_rows_grow(some: int, deep: bool) -> None:
    def own(number: int) -> dict[str, Any]:
        key = {f"user-{number}": 1}
        return {"scores": key} if deep else key

    rows = [{**PAIR, **(own(n) if n % some == 0 else {})} for n in range(ROWS)]
    assert ROWS * ROWS / some > MAX_CELLS
    assert grows(rows)


@pytest.mark.parametrize(
    "more",
    [
        lambda n: {},
        lambda n: {f"key {k}": n for k in range(50)},
        lambda n: {f"key {n % 7}": n},
        lambda n: {"tool": {"arguments": {f"argument {n % 40}": n}}},
        lambda n: {"scores": [{"a": 1}] * (n % 5)},
    ],
    ids=["none", "many", "optional", "nested", "lists"],
)
def test_keys_that_rows_share_do_not_grow(more: Any) -> None:
    assert not grows([{**PAIR, **more(n)} for n in range(ROWS)])


def test_a_block_whose_keys_grow_is_not_given_to_pyarrow() -> None:
    data = block([{**PAIR, "scores": {f"user-{n}": 1}} for n in range(ROWS)])
    assert parse_block(data, newlines(data)) is None


def test_ids_as_keys_inside_a_column_are_no_fault(volume) -> None:
    rows = [{**PAIR, "prompt": f"q {n}", "scores": {f"user-{n}": 1}} for n in range(ROWS)]
    report = volume.rows(rows).inspect()
    assert report.valid and report.rows == ROWS


def test_ids_as_columns_are_reported(volume) -> None:
    rows = [{**PAIR, f"key {n}": 1} for n in range(12_000)]
    with pytest.raises(InspectionError, match="more than 10,000 different columns, such as 'key "):
        volume.rows(rows).inspect()
