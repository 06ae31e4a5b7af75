"""How the columns of a dataset are read: a mapping, a dialect of messages, perhaps a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dpojob_api import report
from dpojob_trainer.shared.messages import MessageKeyMapping
from dpojob_trainer.shared.row_error import TIE, RowError

from .presets import NATIVE, Preset

FIELDS = ("prompt", "chosen", "rejected", "system", "tools")


@dataclass(frozen=True)
class ColumnLayout:
    """Which column holds what. `columns` are names in the dataset, by field."""

    columns: Mapping[str, str]
    dialect: MessageKeyMapping = field(default_factory=MessageKeyMapping)
    preset: Preset = NATIVE

    def name(self, field_: str) -> str | None:
        """The column that holds a field, as a person reads it in a message."""
        column = self.columns.get(field_)
        return None if column is None else repr(column)

    @property
    def used(self) -> list[str]:
        """Columns that must be read, those of the preset's own rules included."""
        return list(dict.fromkeys([*self.columns.values(), *self.preset.also]))

    @property
    def required(self) -> list[str]:
        """Columns without which no row can be read."""
        needed = ("prompt", "chosen", "rejected")
        return [column for field_, column in self.columns.items() if field_ in needed]

    @property
    def plain(self) -> bool:
        """Whether the columns are read as they are, with no rule of a preset between."""
        return self.preset.convert is None

    def read(self, row: Mapping[str, Any]) -> dict[str, Any] | RowError:
        """The row's values by field, or the fault that a preset finds in it."""
        if self.preset.tie is not None and self.preset.tie(row):
            return RowError(TIE, "neither answer is preferred")
        values = {field_: row.get(column) for field_, column in self.columns.items()}
        if self.preset.convert is None:
            return values
        converted = self.preset.convert(row, self.columns)
        return converted if isinstance(converted, RowError) else {**values, **converted}

    @property
    def mapping(self) -> report.Mapping:
        """As the report has it."""
        return report.Mapping(**{name: self.columns.get(name) for name in FIELDS})
