"""Reference log-probabilities on a cache volume, so that a later job on the same pairs and model computes none.

They depend on the reference model and the tokens alone. A job with another learning rate, beta, loss or LoRA
rank finds those of an earlier one.
"""

from .log_probability_store import LogProbabilityStore
from .store_keys import pair_keys, reference_key

__all__ = ["LogProbabilityStore", "pair_keys", "reference_key"]
