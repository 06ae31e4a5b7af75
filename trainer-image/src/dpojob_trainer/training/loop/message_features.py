"""Columns of the pairs on disk: each message is JSON text, so that it keeps exactly its own keys.

A column of objects would give every message the keys of all, with nulls that chat templates render.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from datasets import Features, Json, List, Value

from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS


class Message(Json):  # type: ignore[misc]
    """The JSON column of datasets, read with Python's parser: unlike pandas', it reads numbers exactly."""

    def decode_example(self, example_data: str, token_per_repo_id: Any = None) -> Any:
        """The message from its JSON text."""
        return json.loads(example_data)


def features(conversational: bool) -> Features:
    """The columns of normalised pairs, which do not depend on the rows."""
    part = List(Message()) if conversational else Value("large_string")
    return Features({**dict.fromkeys(PAIR_FIELDS, part), "tools": Value("large_string")})


def record_batch(rows: Sequence[dict[str, Any]], columns: Features) -> pa.RecordBatch:
    """The rows as a record batch with these columns."""
    schema = columns.arrow_schema
    found = {
        name: _column([row[name] for row in rows], schema.field(name).type) for name in PAIR_FIELDS
    }
    found["tools"] = pa.array([row.get("tools") for row in rows], pa.large_string())
    return pa.RecordBatch.from_pydict(found, schema)


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_list(kind):
        return pa.array(values, kind)
    texts = pa.array(
        [[json.dumps(turn) for turn in turns] for turns in values], pa.list_(pa.string())
    )
    return pa.ListArray.from_arrays(texts.offsets, pa.json_().wrap_array(texts.values))
