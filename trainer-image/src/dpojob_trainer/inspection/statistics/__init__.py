"""Counts over all rows of a split: errors, formats, lengths, duplicates and the evaluation cut.

Rows arrive as `AcceptedBatch` and `RowError`; what is kept of them does not grow with their number,
but for 32 bytes a row in scratch files.
"""

from .duplicates import DuplicateFinder, DuplicateStatistics
from .error_aggregation import ErrorCounts
from .eval_split import held_out
from .pair_warnings import MARKED_ANSWER
from .row_hash import prompt_hashes
from .split_statistics import SplitStatistics
from .token_lengths import LengthStatistics, Unit

__all__ = [
    "MARKED_ANSWER",
    "DuplicateFinder",
    "DuplicateStatistics",
    "ErrorCounts",
    "LengthStatistics",
    "SplitStatistics",
    "Unit",
    "held_out",
    "prompt_hashes",
]
