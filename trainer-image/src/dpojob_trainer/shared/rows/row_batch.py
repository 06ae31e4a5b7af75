"""Some consecutive rows: columnar where the file allows it, else as Python objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class RowBatch:
    """Consecutive rows of one file. Exactly one of `record_batch` and `objects` is there."""

    columns: Sequence[str]
    """Every column of these rows, also those that were not requested."""
    record_batch: pa.RecordBatch | None = None
    objects: Sequence[Mapping[str, Any]] | None = None
    consumed: int = 0
    """About how many bytes of the file, as stored, were read up to here."""

    def __len__(self) -> int:
        if self.record_batch is not None:
            return int(self.record_batch.num_rows)
        return len(self.objects or ())

    def slice(self, start: int, count: int | None = None) -> RowBatch:
        """At most `count` rows from `start` on."""
        if self.record_batch is not None:
            return replace(self, record_batch=self.record_batch.slice(start, count))
        end = None if count is None else start + count
        return replace(self, objects=(self.objects or ())[start:end])

    def only(self, column: str) -> RowBatch:
        """The same rows, of one column as far as that saves work."""
        if self.record_batch is None or column not in self.record_batch.schema.names:
            return self
        return replace(self, record_batch=self.record_batch.select([column]))

    def rows(self, indices: Iterable[int] | None = None) -> list[Mapping[str, Any]]:
        """The rows (those at `indices`) as Python objects.

        Text that is not UTF-8 comes as bytes.
        """
        if self.objects is not None:
            return list(self.objects) if indices is None else [self.objects[i] for i in indices]
        assert self.record_batch is not None
        batch = self.record_batch
        if indices is not None:
            wanted = list(indices)
            try:
                batch = batch.take(pa.array(wanted, pa.int64()))
            except pa.ArrowNotImplementedError:
                # Newer layouts of text and lists cannot be taken from.
                return [row for at in wanted for row in RowBatch((), batch.slice(at, 1)).rows()]
        try:
            return batch.to_pylist()  # type: ignore[no-any-return]
        except UnicodeDecodeError:
            columns = {
                name: [_value(item) for item in column]
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }
            return [
                dict(zip(columns, values, strict=True))
                for values in zip(*columns.values(), strict=True)
            ]


def _value(item: Any) -> Any:
    try:
        return item.as_py()
    except UnicodeDecodeError:
        return b""
