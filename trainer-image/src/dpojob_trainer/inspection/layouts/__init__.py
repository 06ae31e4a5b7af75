"""How known columns are read.

Paths into columns, keys of messages, preference labels and presets of published layouts; and Arrow
columns as arrays.
"""

from .arrow_text import BoolArray, IntArray, TextColumn, arrow_array, is_list, is_text
from .column_layout import (
    FIELDS,
    PART_SEPARATOR,
    ColumnLayout,
    as_names,
    mapped_names,
    readable_names,
)
from .column_path import SEPARATOR, root_column, split_path, value_at, with_fields
from .column_types import ColumnKind, Schema, columns_of, kinds_of, merge
from .preset import NATIVE, Preset
from .preset_converters import number
from .presets import (
    PRESETS,
    depends_on_texts,
    preset_by_name,
    recognize_preset,
)
from .row_preference import row_preference
from .transcript_stats import TranscriptStats

__all__ = [
    "FIELDS", "NATIVE", "PART_SEPARATOR", "PRESETS", "SEPARATOR", "BoolArray",
    "ColumnKind", "ColumnLayout", "IntArray", "Preset", "Schema", "TextColumn", "TranscriptStats",
    "arrow_array", "as_names", "columns_of", "depends_on_texts", "is_list", "is_text", "kinds_of", "mapped_names",
    "merge", "number", "preset_by_name", "readable_names", "recognize_preset", "root_column",
    "row_preference", "split_path", "value_at", "with_fields",
]  # fmt: skip
