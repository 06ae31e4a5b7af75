"""Tensors in weight files that are not parameters: masks, tables and counters of older exports."""

from __future__ import annotations

import re

from .safetensors_header import Tensors

TABLE = re.compile(
    r"(^|\.)(rotary\w*\.(inv_freq|original_inv_freq|cos_cached|sin_cached)|masked_bias|causal_mask"
    r"|position_ids|embed_positions\._float_tensor|(?<!moe_statics\.)e_score_correction_bias)$"
)
"""Recognized by name; ERNIE's moe_statics are parameters."""
MASK = re.compile(r"(^|\.)(attn|attention|self_attn|crossattention)\.bias$")
"""The causal mask of GPT-2, GPT-NeoX and similar models, which has the name of a bias."""


def parameters_of(tensors: Tensors) -> Tensors:
    """Leave out buffers.

    Args:
        tensors: The tensors of a model's files.

    Returns:
        The tensors that are parameters.
    """
    return {name: found for name, found in tensors.items() if not _is_buffer(name, found[1])}


def _is_buffer(name: str, shape: tuple[int, ...]) -> bool:
    if MASK.search(name):
        # A mask has the shape (1, 1, positions, positions); a bias has one dimension.
        return len(shape) == 4 and shape[:2] == (1, 1) and shape[2] == shape[3]
    return TABLE.search(name) is not None
