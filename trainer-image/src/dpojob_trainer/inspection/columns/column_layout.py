"""How the columns of a dataset are read: column names, keys of messages, perhaps a preset."""

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
    """Which column is which field, and how its values are read."""

    columns: Mapping[str, str]
    """Names in the dataset, by field."""
    message_keys: MessageKeyMapping = field(default_factory=MessageKeyMapping)
    preset: Preset = NATIVE

    def name(self, field_: str) -> str | None:
        """Give the column of a field for a message.

        Args:
            field_: The field.

        Returns:
            The column's name, quoted; None where no column is mapped to the field.
        """
        column = self.columns.get(field_)
        return None if column is None else repr(column)

    @property
    def used(self) -> list[str]:
        """Columns that must be read, those that the preset needs besides included."""
        return list(dict.fromkeys([*self.columns.values(), *self.preset.also]))

    @property
    def required(self) -> list[str]:
        """Columns without which no row is valid."""
        needed = ("prompt", "chosen", "rejected")
        return [column for field_, column in self.columns.items() if field_ in needed]

    def read(self, row: Mapping[str, Any]) -> dict[str, Any] | RowError:
        """Read a row's values.

        Args:
            row: The row, by column.

        Returns:
            The values by field, or the error that the preset finds in the row.
        """
        if self.preset.is_tie is not None and self.preset.is_tie(row):
            return RowError(TIE, "neither answer is preferred")
        values = {field_: row.get(column) for field_, column in self.columns.items()}
        if self.preset.convert is None:
            return values
        converted = self.preset.convert(row, self.columns)
        return converted if isinstance(converted, RowError) else {**values, **converted}

    @property
    def mapping(self) -> report.Mapping:
        """The columns as the report has them."""
        return report.Mapping(**{name: self.columns.get(name) for name in FIELDS})
