"""Which column of the dataset is which field: detection over all rows, and suggestions."""

from .column_resolution import Resolution
from .layout_detection import LayoutDetector, ObservedColumns
from .preference_columns import PreferenceColumns

__all__ = ["LayoutDetector", "ObservedColumns", "PreferenceColumns", "Resolution"]
