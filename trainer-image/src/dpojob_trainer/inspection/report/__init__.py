"""The inspection report: built from the statistics of both splits.

It is truncated for the 4 KiB of a termination message.
"""

from .pair_problems import held_out_files
from .report_builder import build_report
from .report_truncation import summary

__all__ = ["build_report", "held_out_files", "summary"]
