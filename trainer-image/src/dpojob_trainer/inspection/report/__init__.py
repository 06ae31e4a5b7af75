"""The inspection report: built from the statistics of both splits.

It is truncated for the 4 KiB of a termination message.
"""

from .encodable_names import with_encodable_names
from .pair_problems import held_out_files
from .report_builder import build_report
from .report_truncation import summary

__all__ = ["build_report", "held_out_files", "summary", "with_encodable_names"]
