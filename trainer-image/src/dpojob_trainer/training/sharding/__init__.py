"""Training whose weights, gradients and optimizer are divided over the GPUs (FSDP2).

`fsdp` holds units and precision, `whole_state` how weights and the optimizer's state are saved and loaded.
"""

from .fsdp import is_sharded, keep_fp32_outputs_and_reductions, shard_reference
from .whole_state import (
    gather_model,
    gather_optimizer_state,
    load_model_weights,
    load_optimizer_state,
    send_from_first_process,
)

__all__ = [
    "gather_model",
    "gather_optimizer_state",
    "is_sharded",
    "keep_fp32_outputs_and_reductions",
    "load_model_weights",
    "load_optimizer_state",
    "send_from_first_process",
    "shard_reference",
]
