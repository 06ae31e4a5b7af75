"""Passes over all rows: that of inspection, the accepted rows of training, those that a report shows, and prompts of an evaluation."""

from .accepted_rows import accepted_rows, is_conversational
from .dataset_scan import DatasetCounts, DatasetScan, FirstPass, Progress, column_names
from .evaluation_prompts import PromptFileError, evaluation_rows, prompt_warnings
from .pandas_import import leave_out_pandas
from .report_rows import ExampleRows, read_example_rows, report_rows

__all__ = [
    "DatasetCounts",
    "DatasetScan",
    "ExampleRows",
    "FirstPass",
    "Progress",
    "PromptFileError",
    "accepted_rows",
    "column_names",
    "evaluation_rows",
    "is_conversational",
    "leave_out_pandas",
    "prompt_warnings",
    "read_example_rows",
    "report_rows",
]
