"""Tokenised pairs on a cache volume, so that a later job on the same rows and tokenizer tokenises none.

They depend on the rows, the tokenizer with its chat template, and where pairs are cut. A job with another model of the
same tokenizer, another learning rate or loss finds those of an earlier one.
"""

from .row_key import rows_key
from .row_store import COLUMNS, TokenizedRowStore

__all__ = ["COLUMNS", "TokenizedRowStore", "rows_key"]
