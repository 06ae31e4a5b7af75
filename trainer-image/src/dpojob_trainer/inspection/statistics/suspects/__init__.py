"""Suspects: accepted rows that may be wrong although each is valid, found by comparing rows.

`SuspectFinder` compares a sample of the accepted rows, `Curation` leaves out what `dataset.curate` says,
and `redacted_value` masks secrets in rows that are shown.
"""

from .curation import Curation
from .finder import SuspectFinder
from .score_columns import ScoreColumns
from .secrets import redacted_value

__all__ = ["Curation", "ScoreColumns", "SuspectFinder", "redacted_value"]
