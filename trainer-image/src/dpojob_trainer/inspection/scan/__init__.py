"""Passes over all rows: the one that inspection counts in, and the accepted rows that training reads."""

from .accepted_rows import accepted_rows, is_conversational
from .dataset_scan import DatasetScan, Progress, batches, column_names

__all__ = [
    "DatasetScan",
    "Progress",
    "accepted_rows",
    "batches",
    "column_names",
    "is_conversational",
]
