"""Datasets of two answers: which one a row prefers, by a label (`columnMapping.verdict`) or by scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dpojob_api.report import ProblemCode
from dpojob_api.spec import ColumnMapping, PreferenceLabel, label_text
from dpojob_trainer.shared.rows.row_error import TIE, RowError

from .arrow_text import BoolArray, TextColumn, arrow_array, is_text
from .column_path import value_at
from .preset_converters import number

FIRST, SECOND, NEITHER, UNKNOWN = range(4)


@dataclass(frozen=True)
class LabelPreference:
    """The column of the preference labels, and the meaning of its values."""

    column: str
    meanings: Mapping[str, int]
    """`FIRST`, `SECOND` or `NEITHER` by value, as `label_text` gives it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return (self.column,)

    @classmethod
    def of(cls, spec: PreferenceLabel) -> LabelPreference:
        """Convert the entry of the spec.

        Args:
            spec: `columnMapping.verdict`.

        Returns:
            The column with its values.
        """
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
        return _in_order(values, meaning == FIRST)

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
        if self.column not in batch.schema.names:
            return None
        labels = batch.column(self.column)
        if pa.types.is_dictionary(labels.type):
            labels = labels.dictionary_decode()
        if not _is_comparable(labels):
            return None
        labels = labels.dictionary_encode()
        meanings = np.array([*map(self.meaning, labels.dictionary.to_pylist()), UNKNOWN])
        found = meanings[np.asarray(labels.indices.fill_null(len(meanings) - 1))]
        return _preferred_first(batch, chosen, rejected, found == FIRST, found <= SECOND)


@dataclass(frozen=True)
class ScorePreference:
    """The columns of the scores of two answers."""

    first: str
    second: str
    is_higher_better: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return (self.first, self.second)

    def decide(
        self, row: Mapping[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any] | RowError:
        """Put the answer of the better score first.

        Args:
            row: The row, by column.
            values: Its values by field; `chosen` is the first answer, `rejected` the second.

        Returns:
            The values with `chosen` and `rejected` as the scores have them, or why there is no pair.
        """
        scores = []
        for column in self.columns:
            value = value_at(row, column)
            score = number(value)
            if score is None:
                code = ProblemCode.NULL_VALUE if value is None else ProblemCode.WRONG_TYPE
                return RowError(
                    code,
                    f"{column!r} is {'null' if value is None else f'{str(value)[:40]!r}, not a number'}",
                    "write the scores of both answers, or remove these rows",
                )
            scores.append(score)
        first, second = scores
        if first == second:
            return RowError(TIE, "neither answer is preferred")
        return _in_order(values, (first > second) is self.is_higher_better)

    def decide_batch(
        self, batch: pa.RecordBatch, chosen: str, rejected: str
    ) -> pa.RecordBatch | None:
        """Put the answer of the better score first in each row, as `decide` does.

        Args:
            batch: Rows with the columns of both answers and of their scores.
            chosen: The column of the first answer.
            rejected: The column of the second answer.

        Returns:
            The batch with both columns as the scores have them, null where they are equal or one is no
            number; None where the batch must be read row by row.
        """
        if not {*self.columns} <= {*batch.schema.names}:
            return None
        scores = []
        for column in self.columns:
            values = batch.column(column)
            if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
                return None
            values = values.cast(pa.float64(), safe=False).fill_null(np.nan)
            scores.append(np.asarray(values))
        first, second = scores
        is_first = first > second if self.is_higher_better else first < second
        decided = np.isfinite(first) & np.isfinite(second) & (first != second)
        return _preferred_first(batch, chosen, rejected, is_first, decided)


Preference = LabelPreference | ScorePreference


def row_preference(mapping: ColumnMapping) -> Preference | None:
    """Find what says in each row which answer is preferred.

    Args:
        mapping: The spec's mapping, of which at most one of `verdict` and `scores` is set.

    Returns:
        The columns that decide; None where chosen is preferred in every row.
    """
    if mapping.scores is not None:
        scores = mapping.scores
        return ScorePreference(scores.first, scores.second, scores.better == "Higher")
    return None if mapping.verdict is None else LabelPreference.of(mapping.verdict)


def _in_order(values: Mapping[str, Any], is_first: bool) -> dict[str, Any]:
    """The values of a row with the preferred answer as `chosen`."""
    if is_first:
        return dict(values)
    return {**values, "chosen": values.get("rejected"), "rejected": values.get("chosen")}


def _preferred_first(
    batch: pa.RecordBatch, chosen: str, rejected: str, is_first: BoolArray, decided: BoolArray
) -> pa.RecordBatch | None:
    """The batch with the answers in order, null where there is no decision."""
    names = batch.schema.names
    if not {chosen, rejected} <= set(names):
        return None
    first, second = batch.column(chosen), batch.column(rejected)
    if first.type != second.type:
        return None
    order = arrow_array(is_first)
    columns = {
        chosen: pc.if_else(order, first, second),
        rejected: pc.if_else(order, second, first),
    }
    for name, column in columns.items():
        kept = pc.if_else(arrow_array(decided), column, pa.scalar(None, column.type))
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
