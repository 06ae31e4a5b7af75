"""Columns that hold the scores of both answers, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dpojob_trainer.shared.rows.row_batch import RowBatch

SCORE_WORDS = frozenset(("score", "scores", "rating", "ratings", "reward", "rewards"))
_WORDS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class ScoreColumns:
    """The columns of both answers' scores."""

    chosen: str
    rejected: str

    @classmethod
    def find(cls, columns: Iterable[str], mapping: Mapping[str, str]) -> ScoreColumns | None:
        """Find them.

        Args:
            columns: The dataset's columns.
            mapping: The columns of the pair, by field.

        Returns:
            The two columns whose names are those of the answers, or "chosen" and "rejected", with a
            word such as "score"; None unless there is exactly one for each.
        """
        found: dict[str, str] = {}
        names = list(columns)
        for field in ("chosen", "rejected"):
            wanted = {frozenset((field,)), frozenset(_words(mapping.get(field, field)))}
            for suffix in ("response", "answer"):
                wanted |= {frozenset(words - {suffix}) for words in wanted}
            scored = [
                name
                for name in names
                if (words := _words(name)) & SCORE_WORDS and words - SCORE_WORDS - {"avg"} in wanted
            ]
            if len(scored) != 1:
                return None
            found[field] = scored[0]
        return cls(found["chosen"], found["rejected"])

    @property
    def names(self) -> Sequence[str]:
        """The two columns."""
        return self.chosen, self.rejected

    def margins(self, batch: RowBatch) -> NDArray[np.float64]:
        """Read the differences of the scores.

        Args:
            batch: Rows with these columns, as far as their file has them.

        Returns:
            Shape (rows,): chosen less rejected; not a number where a score is absent.
        """
        return self._values(batch, self.chosen) - self._values(batch, self.rejected)

    def _values(self, batch: RowBatch, column: str) -> NDArray[np.float64]:
        arrow = batch.record_batch
        if arrow is not None and column in arrow.schema.names:
            values = arrow.column(column)
            if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
                return np.asarray(
                    values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64
                )
        rows = batch.only(column).rows()
        return np.array([_number(row.get(column)) for row in rows], np.float64)


def _words(name: str) -> frozenset[str]:
    return frozenset(filter(None, _WORDS.split(name.lower())))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return float("nan")
    try:
        return float(value)
    except (ValueError, OverflowError):
        return float("nan")
