"""The inspection report: built from the statistics of both splits.

It is truncated for the 4 KiB of a termination message.
"""

from .encodable_names import with_encodable_names
from .html_page import ReportRows, render_page
from .pair_problems import held_out_files
from .report_builder import build_report
from .report_truncation import summary
from .suggestion_trial import SuggestionTrials, with_suggestion

__all__ = [
    "ReportRows",
    "SuggestionTrials",
    "build_report",
    "held_out_files",
    "render_page",
    "summary",
    "with_encodable_names",
    "with_suggestion",
]
