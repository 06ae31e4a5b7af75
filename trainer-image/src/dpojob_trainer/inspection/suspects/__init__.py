"""Suspects: accepted rows that may be wrong although each is valid, found by comparing rows.

`SuspectFinder` compares a sample of the accepted rows, `Curation` leaves out what `dataset.curate` says,
and `redacted` masks secrets in texts that a report shows.
"""

from .curation import Curation
from .finder import SuspectFinder
from .score_columns import ScoreColumns
from .secrets import redacted

__all__ = ["Curation", "ScoreColumns", "SuspectFinder", "redacted"]
