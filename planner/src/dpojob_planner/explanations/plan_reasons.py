"""How the plan computes, in sentences: what is kept, in which precision, and by which kernels."""

from __future__ import annotations

from collections.abc import Iterator

from dpojob_api.shared_training_constants import PLAIN_ATTENTION, plain_attention
from dpojob_planner.candidates import Fit, Job
from dpojob_planner.estimates.gpu import is_processor, precision


def computing(job: Job, chosen: Fit) -> Iterator[str]:
    """One sentence for each of them."""
    gpu, setting = chosen.pool.spec.gpu, chosen.option.setting
    yield (
        "Gradient checkpointing is on: activations would not fit, or only with a smaller, slower batch."
        if setting.checkpointing
        else "Gradient checkpointing is off: activations fit without, which saves recomputing them."
    )
    if is_processor(gpu):
        yield (
            "Precision is bf16, which this processor computes in faster than in fp32."
            if precision(gpu, job.shape.parameters) == "bf16"
            else "Precision is fp32: there is no GPU here."
        )
    elif not gpu.bf16:
        yield f"Precision is fp16 with loss scaling: {article(gpu.model)} does not compute in bf16."
    yield f"{_attention(job, chosen)}; the LM head scores the answers only, not prompts and padding."


def _attention(job: Job, chosen: Fit) -> str:
    options = job.spec.training.arguments.get("model_init_kwargs")
    asked = options.get("attn_implementation") if isinstance(options, dict) else None
    if asked is not None:
        return f"Attention is {asked}, as training.arguments says"
    if is_processor(chosen.pool.spec.gpu) and plain_attention(chosen.option.setting.length):
        return f"Attention is plain (eager), up to {PLAIN_ATTENTION} tokens the quickest on a processor"
    return "Attention is torch's own (sdpa) where the architecture has it"


def article(noun: str) -> str:
    """`an A10G`, `a T4`, `an H100`, `an L4`: by how the first letter or digit is spoken."""
    return f"an {noun}" if noun[:1].upper() in "AEFHILMNORSX8" else f"a {noun}"
