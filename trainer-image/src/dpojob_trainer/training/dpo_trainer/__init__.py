"""DPOTrainer with what TRL has not: shared prefixes, stored reference log-probabilities, whole checkpoints of shards.

`trl_patches` holds every use of private names of TRL, transformers and accelerate.
"""

__all__ = [
    "prefix_sharing_trainer",
    "reference_store_trainer",
    "tensor_file",
    "tokenized_rows_trainer",
    "trl_patches",
]
