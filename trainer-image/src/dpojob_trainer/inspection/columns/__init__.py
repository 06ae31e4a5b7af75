"""Which column of the dataset is which field: detection, presets of published layouts, suggestions."""

from .arrow_text import BoolArray, IntArray, TextColumn, is_list, is_text
from .column_layout import FIELDS, ColumnLayout
from .column_resolution import Resolution
from .layout_detection import LayoutDetector, ObservedColumns
from .preference_columns import PreferenceColumns
from .presets import NATIVE, preset_by_name

__all__ = [
    "FIELDS",
    "NATIVE",
    "BoolArray",
    "ColumnLayout",
    "IntArray",
    "LayoutDetector",
    "ObservedColumns",
    "PreferenceColumns",
    "Resolution",
    "TextColumn",
    "is_list",
    "is_text",
    "preset_by_name",
]
