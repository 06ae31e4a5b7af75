"""Keeps scaled dot product attention on kernels that hold no attention scores.

On a GPU torch chooses among a flash, a memory-efficient and a plain kernel; the plain one holds the scores of
all pairs of tokens. The choice depends on the GPU's compute capability and on what attention is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle
from transformers.integrations import sdpa_attention

from dpojob_trainer.training.dpo_trainer.trl_patches import attention_implementation

Capability = tuple[int, int]
"""CUDA compute capability, major and minor."""
FLASH_CAPABILITY: Capability = (8, 0)
"""Least capability of torch's flash attention, which alone takes fewer key heads than query heads."""
WITHOUT_MASK = ("llama", "mistral", "qwen2", "qwen3")
"""Model types whose answers do not depend on the mask of right padding: a token sees earlier tokens only, and
its position is counted from the left. `tests/trainer/training/loop/test_attention.py` shows it for each."""


def gpu_capability() -> Capability | None:
    """The capability of this process's GPU; None without one."""
    return torch.cuda.get_device_capability() if torch.cuda.is_available() else None


@contextmanager
def keys_repeated_before_flash(capability: Capability | None) -> Iterator[None]:
    """Inside the block, repeat key heads on a GPU older than FLASH_CAPABILITY.

    transformers 5.23 leaves that to torch where there is no mask. On such a GPU torch then has only the
    plain kernel; with repeated keys, for which the plan has the memory, it has the memory-efficient one.

    Args:
        capability: Of the GPU; None leaves everything as it is.
    """
    if capability is None or capability >= FLASH_CAPABILITY:
        yield
        return
    original = sdpa_attention.use_gqa_in_sdpa
    sdpa_attention.use_gqa_in_sdpa = lambda *_: False
    try:
        yield
    finally:
        sdpa_attention.use_gqa_in_sdpa = original


def leave_out_padding_mask(model: Any, capability: Capability | None) -> RemovableHandle | None:
    """Have the forwards of training without a padding mask, with which torch cannot use flash attention.

    Padding of training batches is on the right, so no token sees it. Generation pads on the left and
    keeps its masks.

    Args:
        model: The model that TRL calls: with its adapter, before it is wrapped for several processes.
        capability: Of the GPU.

    Returns:
        With whose `remove()` masks are back; None where they stay: before FLASH_CAPABILITY, and for types that
        are not in WITHOUT_MASK.
    """
    proven = model.config.model_type in WITHOUT_MASK and attention_implementation(model) == "sdpa"
    if capability is None or capability < FLASH_CAPABILITY or not proven:
        return None
    handle: RemovableHandle = model.register_forward_pre_hook(_without_mask, with_kwargs=True)
    return handle


def _without_mask(
    _module: torch.nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    # Only TRL's log-probabilities are computed by the fused head.
    if options.get("fused_lm_head"):
        options = {**options, "attention_mask": None}
    return arguments, options
