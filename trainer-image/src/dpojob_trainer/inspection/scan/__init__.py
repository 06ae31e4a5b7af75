"""Passes over all rows: that of inspection, the accepted rows of training, and those that a report shows."""

from .accepted_rows import accepted_rows, is_conversational
from .dataset_scan import DatasetScan, Progress, batches, column_names
from .pandas_import import leave_out_pandas
from .report_rows import ExampleRows, read_example_rows, report_rows

__all__ = [
    "DatasetScan",
    "ExampleRows",
    "Progress",
    "accepted_rows",
    "batches",
    "column_names",
    "is_conversational",
    "leave_out_pandas",
    "read_example_rows",
    "report_rows",
]
