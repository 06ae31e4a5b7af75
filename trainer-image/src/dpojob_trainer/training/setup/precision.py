"""The precision this machine can really train in."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from dpojob_api.plan import Plan, Precision
from dpojob_api.shared_training_constants import CPU_BF16_MIN_PARAMETERS, cpu_supports_bf16


@dataclass(frozen=True)
class Precisions:
    """Of the arithmetic and of the stored weights."""

    compute: Precision
    weights: torch.dtype
    note: str | None = None
    """Where it differs from the plan, and why."""


def choose(plan: Plan, parameters: int) -> Precisions:
    """The plan's precision for a model of so many parameters, or the next that this machine has.

    Without a GPU that is fp32, but for bf16 where the processor has it and the model gains from it.

    Full fine-tuning keeps fp32 weights, as small updates vanish in bf16; a frozen base under an
    adapter is kept in the compute type.
    """
    compute, note = plan.precision, None
    if not torch.cuda.is_available():
        gains = parameters >= CPU_BF16_MIN_PARAMETERS and cpu_supports_bf16()
        if compute != "fp32" and not (compute == "bf16" and gains):
            compute, note = "fp32", f"the plan says {plan.precision}; there is no GPU here, so fp32"
    elif compute == "bf16" and not torch.cuda.is_bf16_supported():
        compute, note = "fp16", "the plan says bf16; this GPU has none, so fp16"
    if plan.method == "full" or compute == "fp32":
        return Precisions(compute, torch.float32, note)
    return Precisions(compute, torch.bfloat16 if compute == "bf16" else torch.float16, note)


def trainable_in_fp32(model: torch.nn.Module) -> None:
    """Keep what is trained in fp32.

    TRL 1.16 turns a QLoRA adapter to bf16. There updates of DPO's learning rates vanish, once a weight is
    some hundreds of times larger than they are; and a GPU that has only fp16 cannot scale its gradients.
    """
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype in (torch.bfloat16, torch.float16):
            parameter.data = parameter.data.float()
