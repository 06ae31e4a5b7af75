"""The units and the precision of FSDP2.

accelerate 1.15 shards the policy, and TRL 1.16 a separate reference model; `dpo_trainer/trl_patches.py` calls the
functions here where they would do it otherwise.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from accelerate import Accelerator
from accelerate.utils.fsdp_utils import fsdp2_prepare_model
from torch.distributed.fsdp import FSDPModule


def is_sharded(model: torch.nn.Module) -> bool:
    """Tell whether the model's parameters are divided over the processes.

    Args:
        model: Any model; after `fully_shard` its class is an FSDPModule as well.

    Returns:
        False for a model that each process holds whole.
    """
    return isinstance(model, FSDPModule)


def keep_fp32_outputs_and_reductions(accelerator: Accelerator) -> None:
    """Compute in 16 bits, and leave outputs and the sums of gradients in fp32.

    accelerate 1.15 would cast a unit's outputs to the type of the computation. The fused LM head returns
    log-probabilities in fp32, and a sum of some hundreds of them, about -1,000, is rounded to a multiple of 4
    in bf16, while DPO's loss needs differences between such sums.

    Args:
        accelerator: With an FSDP plugin; called before any model is sharded.
    """
    plugin = accelerator.state.fsdp_plugin
    if plugin.mixed_precision_policy is not None:
        plugin.mixed_precision_policy = replace(
            plugin.mixed_precision_policy, reduce_dtype=torch.float32, output_dtype=None
        )


def shard_reference(model: torch.nn.Module, accelerator: Accelerator) -> torch.nn.Module:
    """Shard a frozen reference model layer by layer, as accelerate shards the policy.

    TRL 1.16 makes one unit of it, so that each forward would gather the whole model on every GPU.

    Args:
        model: The reference, whole in each process.
        accelerator: With an FSDP plugin.

    Returns:
        The same model, in evaluation mode. It has no backward pass, after which the units that accelerate
        leaves gathered for it would be freed; so every unit is freed after its forward.
    """
    fsdp2_prepare_model(accelerator, model)
    for unit in model.modules():
        if isinstance(unit, FSDPModule):
            unit.set_reshard_after_forward(True, recurse=False)
    return model.eval()
