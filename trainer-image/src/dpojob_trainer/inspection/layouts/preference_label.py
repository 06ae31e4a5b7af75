"""Datasets of two answers and a preference label: which answer a row prefers, by `columnMapping.verdict`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dpojob_api.report import ProblemCode
from dpojob_api.spec import PreferenceLabel, label_text
from dpojob_trainer.shared.rows.row_error import TIE, RowError

from .arrow_text import TextColumn, arrow_array, is_text
from .column_path import value_at

FIRST, SECOND, NEITHER, UNKNOWN = range(4)


@dataclass(frozen=True)
class LabelColumn:
    """The column of the preference labels, and the meaning of its values."""

    column: str
    meanings: Mapping[str, int]
    """`FIRST`, `SECOND` or `NEITHER` by value, as `label_text` gives it."""

    @classmethod
    def of(cls, spec: PreferenceLabel | None) -> LabelColumn | None:
        """Convert the entry of the spec.

        Args:
            spec: `columnMapping.verdict`.

        Returns:
            The column; None without an entry.
        """
        if spec is None:
            return None
        meanings: dict[str, int] = {}
        for values, meaning in ((spec.tie, NEITHER), (spec.second, SECOND), (spec.first, FIRST)):
            listed = values if isinstance(values, list) else [values] if values is not None else []
            meanings |= dict.fromkeys(listed, meaning)
        return cls(spec.column, meanings)

    def meaning(self, value: Any) -> int:
        """Look up a value.

        Args:
            value: A value of the column.

        Returns:
            `FIRST`, `SECOND`, `NEITHER`, or `UNKNOWN` where the spec does not list the value.
        """
        text = label_text(value)
        return self.meanings.get(text, UNKNOWN) if isinstance(text, str) else UNKNOWN

    def decide(
        self, row: Mapping[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any] | RowError:
        """Put the preferred answer of a row first.

        Args:
            row: The row, by column.
            values: Its values by field; `chosen` is the first answer, `rejected` the second.

        Returns:
            The values with `chosen` and `rejected` as the label has them, or why there is no pair.
        """
        value = value_at(row, self.column)
        meaning = self.meaning(value)
        if meaning == NEITHER:
            return RowError(TIE, "neither answer is preferred")
        if value is None:
            return RowError(ProblemCode.NULL_VALUE, f"{self.column!r} is null")
        if meaning == UNKNOWN:
            return RowError(
                ProblemCode.WRONG_TYPE,
                f"{self.column!r} is {str(value)[:40]!r}, which columnMapping.verdict does not list",
                "add the value to first, second or tie of columnMapping.verdict, or remove these rows",
            )
        if meaning == FIRST:
            return dict(values)
        return {**values, "chosen": values.get("rejected"), "rejected": values.get("chosen")}

    def decide_batch(
        self, batch: pa.RecordBatch, chosen: str, rejected: str
    ) -> pa.RecordBatch | None:
        """Put the preferred answer of each row first, as `decide` does.

        Args:
            batch: Rows with the columns of both answers and of the label.
            chosen: The column of the first answer.
            rejected: The column of the second answer.

        Returns:
            The batch with both columns as the label has them, null where it prefers neither or is
            unknown; None where the batch must be read row by row.
        """
        names = batch.schema.names
        if not {self.column, chosen, rejected} <= set(names):
            return None
        labels, first, second = (batch.column(name) for name in (self.column, chosen, rejected))
        if pa.types.is_dictionary(labels.type):
            labels = labels.dictionary_decode()
        if first.type != second.type or not _is_comparable(labels):
            return None
        labels = labels.dictionary_encode()
        meanings = np.array([*map(self.meaning, labels.dictionary.to_pylist()), UNKNOWN])
        found = meanings[np.asarray(labels.indices.fill_null(len(meanings) - 1))]
        decided = arrow_array(found <= SECOND)
        is_first = arrow_array(found == FIRST)
        columns = {
            chosen: pc.if_else(is_first, first, second),
            rejected: pc.if_else(is_first, second, first),
        }
        for name, column in columns.items():
            kept = pc.if_else(decided, column, pa.scalar(None, column.type))
            batch = batch.set_column(names.index(name), name, kept)
        return batch


def _is_comparable(labels: pa.Array) -> bool:
    """Whether the values can be taken as Python objects: numbers, booleans or valid text."""
    kind = labels.type
    if is_text(kind):
        return TextColumn.of(labels.fill_null("")) is not None
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )
