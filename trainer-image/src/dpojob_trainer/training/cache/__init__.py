"""What a job keeps on a cache volume for later jobs: tokenised pairs and reference log-probabilities.

Tokenised pairs depend on the rows, the tokenizer with its chat template, and where pairs are cut; log-probabilities
on the reference model and the tokens alone. A job with another learning rate, beta, loss or LoRA rank finds those of
an earlier one.
"""

from .log_probability_store import LogProbabilityStore
from .reference_keys import pair_keys, reference_key
from .row_key import rows_key
from .row_store import COLUMNS, TokenizedRowStore

__all__ = [
    "COLUMNS",
    "LogProbabilityStore",
    "TokenizedRowStore",
    "pair_keys",
    "reference_key",
    "rows_key",
]
