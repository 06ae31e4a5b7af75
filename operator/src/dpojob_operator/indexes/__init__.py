"""Indexes built from watch events: they name the objects to read, and never replace a live read."""

from .dependents_index import DependentsIndex
from .inspection_cache import InspectionCache
from .output_lock_index import OutputLockIndex

__all__ = ["DependentsIndex", "InspectionCache", "OutputLockIndex"]
