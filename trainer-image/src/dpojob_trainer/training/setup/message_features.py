"""Pairs on disk: each message as JSON text, so that none lends its keys to another.

Columns of objects would give every message the keys of all, as nulls that templates take for real.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from datasets import Features, Json, List, Value

PARTS = ("prompt", "chosen", "rejected")


class Message(Json):  # type: ignore[misc]
    """datasets' own JSON column, read with Python's parser: its numbers are exact, pandas' are not."""

    def decode_example(self, example_data: str, token_per_repo_id: Any = None) -> Any:
        """The message that was written."""
        return json.loads(example_data)


def features(in_turns: bool) -> Features:
    """The columns of normalised pairs: the same ones whatever the first rows are."""
    part = List(Message()) if in_turns else Value("large_string")
    return Features({**dict.fromkeys(PARTS, part), "tools": Value("large_string")})


def batch(rows: Sequence[dict[str, Any]], columns: Features) -> pa.RecordBatch:
    """Some rows under these columns."""
    schema = columns.arrow_schema
    found = {name: _column([row[name] for row in rows], schema.field(name).type) for name in PARTS}
    found["tools"] = pa.array([row.get("tools") for row in rows], pa.large_string())
    return pa.RecordBatch.from_pydict(found, schema)


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_list(kind):
        return pa.array(values, kind)
    texts = pa.array(
        [[json.dumps(turn) for turn in turns] for turns in values], pa.list_(pa.string())
    )
    return pa.ListArray.from_arrays(texts.offsets, pa.json_().wrap_array(texts.values))
