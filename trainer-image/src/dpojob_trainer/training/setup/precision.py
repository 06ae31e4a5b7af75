"""The precision to train in: the plan's, or the nearest one that this machine supports."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import BitsAndBytesConfig

from dpojob_api.plan import Plan, Precision
from dpojob_api.shared_training_constants import CPU_BF16_MIN_PARAMETERS, cpu_supports_bf16

BF16_CAPABILITY = (8, 0)
"""Least compute capability that computes in bf16 (CUDA Programming Guide, "Compute Capabilities").
torch.cuda.is_bf16_supported() also counts GPUs that emulate it, such as the T4, which are slower in it than in
fp32."""


@dataclass(frozen=True)
class Precisions:
    """The types of the computation and of the stored weights."""

    compute: Precision
    weights: torch.dtype
    note: str | None = None
    """How and why the precision differs from the plan's."""

    @property
    def compute_dtype(self) -> torch.dtype:
        """The type of the computation, as torch names it."""
        return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[self.compute]


def choose_precisions(plan: Plan, parameters: int) -> Precisions:
    """The plan's precision, or the nearest one that this machine supports.

    Without a GPU that is fp32; bf16 only where the processor supports it and the model, by its number
    of `parameters`, is large enough to be faster with it. Full fine-tuning keeps fp32 weights, as small
    updates are rounded away in bf16; a frozen base under an adapter is kept in the compute type.
    """
    compute, note = plan.precision, None
    if not torch.cuda.is_available():
        bf16_is_faster = parameters >= CPU_BF16_MIN_PARAMETERS and cpu_supports_bf16()
        if compute != "fp32" and not (compute == "bf16" and bf16_is_faster):
            compute, note = "fp32", f"the plan says {plan.precision}; there is no GPU here, so fp32"
    elif compute == "bf16" and torch.cuda.get_device_capability() < BF16_CAPABILITY:
        compute, note = "fp16", "the plan says bf16; this GPU has none, so fp16"
    if plan.method == "full" or compute == "fp32":
        return Precisions(compute, torch.float32, note)
    return Precisions(compute, torch.bfloat16 if compute == "bf16" else torch.float16, note)


def quantization_config(dtype: torch.dtype) -> BitsAndBytesConfig:
    """The 4-bit weights of a QLoRA base, which are computed with in `dtype`."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_quant_storage=dtype,
    )


def keep_trainable_weights_in_fp32(model: torch.nn.Module) -> None:
    """Convert the trainable weights to fp32.

    TRL 1.16 converts a QLoRA adapter to bf16. With DPO's learning rates an update is then rounded away
    once the weight is some hundreds of times larger; and a GPU that has only fp16 cannot scale the
    gradients of bf16 weights.
    """
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype in (torch.bfloat16, torch.float16):
            parameter.data = parameter.data.float()
