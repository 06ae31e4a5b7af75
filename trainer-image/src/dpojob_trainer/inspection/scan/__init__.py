"""Passes over all rows: that of inspection, the accepted rows of training, and those that a report shows."""

from .accepted_rows import accepted_rows, is_conversational
from .dataset_scan import DatasetCounts, DatasetScan, FirstPass, Progress, column_names
from .pandas_import import leave_out_pandas
from .report_rows import ExampleRows, read_example_rows, report_rows

__all__ = [
    "DatasetCounts",
    "DatasetScan",
    "ExampleRows",
    "FirstPass",
    "Progress",
    "accepted_rows",
    "column_names",
    "is_conversational",
    "leave_out_pandas",
    "read_example_rows",
    "report_rows",
]
