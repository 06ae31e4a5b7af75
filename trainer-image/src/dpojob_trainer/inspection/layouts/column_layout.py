"""How the columns of a dataset are read: column names, keys of messages, preference labels, perhaps a preset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dpojob_api import report
from dpojob_api.report import ProblemCode
from dpojob_api.spec import ColumnMapping
from dpojob_trainer.shared.rows.messages import MessageKeyMapping, describe_type, is_message
from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS
from dpojob_trainer.shared.rows.row_error import TIE, RowError

from .column_path import element_index, root_column, split_path, value_at
from .preset import NATIVE, Preset
from .row_preference import Preference, row_preference

FIELDS = (*PAIR_FIELDS, "system", "tools")
PART_SEPARATOR = "\n\n"
"""The separator between the texts of several prompt columns; empty ones are left out."""


def as_names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """List the columns of an entry of `columnMapping`.

    Args:
        value: A name, several, or None.

    Returns:
        The names in order.
    """
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def mapped_names(mapping: ColumnMapping | report.Mapping) -> dict[str, tuple[str, ...]]:
    """List the columns that a mapping names.

    Args:
        mapping: The spec's mapping, or the report's.

    Returns:
        The columns by field, for fields that are mapped; only a prompt may have several.
    """
    return {name: names for name in FIELDS if (names := as_names(getattr(mapping, name)))}


@dataclass(frozen=True)
class ColumnLayout:
    """Which column is which field, and how its values are read."""

    columns: Mapping[str, str]
    """Names in the dataset, by field; paths into columns too. The prompt's is the first of several prompt columns."""
    message_keys: MessageKeyMapping = field(default_factory=MessageKeyMapping)
    preset: Preset = NATIVE
    prompt_parts: tuple[str, ...] = ()
    """All columns of a prompt that is joined from several; else none."""
    label: Preference | None = None

    @classmethod
    def of(
        cls, names: Mapping[str, tuple[str, ...]], mapping: ColumnMapping, preset: Preset = NATIVE
    ) -> ColumnLayout:
        """Make the layout of resolved columns.

        Args:
            names: The columns by field, as `mapped_names` gives them.
            mapping: The spec's mapping, for keys of messages and the preference label.
            preset: The preset.

        Returns:
            The layout.
        """
        parts = names.get("prompt", ())
        return cls(
            {name: columns[0] for name, columns in names.items()},
            MessageKeyMapping.of(mapping.messages) if mapping.messages else preset.message_keys,
            preset,
            parts if len(parts) > 1 else (),
            row_preference(mapping),
        )

    def name(self, field_: str) -> str | None:
        """Give the column of a field for a message.

        Args:
            field_: The field.

        Returns:
            The column's name, quoted; None where no column is mapped to the field.
        """
        if field_ == "prompt" and self.prompt_parts:
            return " and ".join(map(repr, self.prompt_parts))
        column = self.columns.get(field_)
        return None if column is None else repr(column)

    @property
    def used(self) -> list[str]:
        """Columns that must be read, those that the preset needs besides included.

        Both a path and the column that it begins with are listed, since a file has either.
        """
        names = [*self.columns.values(), *self.prompt_parts, *self.preset.also]
        if self.label is not None:
            names += self.label.columns
        return readable_names(names)

    @property
    def required(self) -> list[str]:
        """Columns without which no row is valid."""
        needed = PAIR_FIELDS[1:] if self.prompt_parts else PAIR_FIELDS
        return [column for field_, column in self.columns.items() if field_ in needed]

    @cached_property
    def elements(self) -> dict[str, int]:
        """How many elements are read of each list that is read by index, by column."""
        found: dict[str, int] = {}
        for name in (*self.columns.values(), *self.prompt_parts):
            path = split_path(name)
            if path is not None and (index := element_index(path[1])) is not None:
                found[path[0]] = max(found.get(path[0], 0), index + 1)
        return found

    def read(self, row: Mapping[str, Any]) -> dict[str, Any] | RowError:
        """Read a row's values.

        Args:
            row: The row, by column.

        Returns:
            The values by field, or the error that the preset or the label finds in the row.
        """
        if self.preset.is_tie is not None and self.preset.is_tie(row):
            return RowError(TIE, "neither answer is preferred")
        for column, count in self.elements.items():
            value = row.get(column)
            if isinstance(value, list) and len(value) < count:
                return RowError(
                    ProblemCode.WRONG_TYPE,
                    f"{column!r} has fewer than the {count} elements that are mapped",
                    "remove these rows, or write both answers",
                )
        values = {field_: value_at(row, column) for field_, column in self.columns.items()}
        if self.prompt_parts:
            prompt = self._joined_prompt(row)
            if isinstance(prompt, RowError):
                return prompt
            values["prompt"] = prompt
        if self.preset.convert is not None:
            converted = self.preset.convert(row, self.columns)
            if isinstance(converted, RowError):
                return converted
            values |= converted
        for field_ in PAIR_FIELDS:
            if is_message(values.get(field_), self.message_keys):
                values[field_] = [values[field_]]
        return values if self.label is None else self.label.decide(row, values)

    def _joined_prompt(self, row: Mapping[str, Any]) -> str | RowError:
        texts = []
        for column in self.prompt_parts:
            value = value_at(row, column)
            if value is not None and not isinstance(value, str):
                return RowError(
                    ProblemCode.WRONG_TYPE,
                    f"{column!r} is {describe_type(value)}",
                    "only columns of text can be joined to a prompt",
                )
            if value and value.strip():
                texts.append(value)
        return PART_SEPARATOR.join(texts)

    @property
    def mapping(self) -> report.Mapping:
        """The columns as the report has them."""
        columns: dict[str, Any] = {name: self.columns.get(name) for name in FIELDS}
        if self.prompt_parts:
            columns["prompt"] = list(self.prompt_parts)
        return report.Mapping(**columns)


def readable_names(names: Iterable[str]) -> list[str]:
    """List what must be read for names of columns and paths.

    Args:
        names: The names.

    Returns:
        Each name, and the column of each path; a file has one of the two.
    """
    return list(dict.fromkeys(part for name in names for part in (name, root_column(name, ()))))
