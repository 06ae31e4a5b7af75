"""Attention masks of rows with a shared prefix, for every attention pattern that a model has.

A model describes its pattern (causal, sliding window, chunks) to transformers as a function of the indices of two
tokens. Here that function is asked about their positions instead, and the answers are kept apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from .layout import PREFIX, SharedLayout

MaskFunction = Callable[[Any, Any, Any, Any], torch.Tensor]
"""A function of batch, head, query and key indices: whether the query sees the key."""


@contextmanager
def masks_of(layout: SharedLayout, implementation: str) -> Iterator[None]:
    """Inside the block, have transformers make the masks of `layout`.

    Args:
        layout: Of the batch that the model reads.
        implementation: The model's implementation of attention, one of PREFIX_SHARING_ATTENTION.
    """
    make_mask = ALL_MASK_ATTENTION_FUNCTIONS[implementation]

    def make_shared_mask(*, mask_function: MaskFunction, **options: Any) -> Any:
        # Padding is a branch of its own, which no other token sees, so it needs no mask besides.
        options.update(attention_mask=None, allow_is_causal_skip=False)
        mask = make_mask(mask_function=_keep_branches_apart(mask_function, layout), **options)
        return _as_bias(mask, options["dtype"]) if implementation == "sdpa" else mask

    ALL_MASK_ATTENTION_FUNCTIONS[implementation] = make_shared_mask
    try:
        yield
    finally:
        del ALL_MASK_ATTENTION_FUNCTIONS[implementation]


def _keep_branches_apart(mask_function: MaskFunction, layout: SharedLayout) -> MaskFunction:
    positions, branches = layout.positions, layout.branches

    def visible(batch: Any, head: Any, query: Any, key: Any) -> torch.Tensor:
        seen = branches[batch, key]
        by_branch = (seen == PREFIX) | (seen == branches[batch, query])
        by_pattern = mask_function(batch, head, positions[batch, query], positions[batch, key])
        return by_branch & by_pattern

    return visible


def _as_bias(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The mask as numbers to add to the scores, in the type of attention: autocast's, else `dtype`.

    torch would convert a mask of booleans in every layer, and keep each result for the backward pass.
    """
    device = mask.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, -torch.inf)
