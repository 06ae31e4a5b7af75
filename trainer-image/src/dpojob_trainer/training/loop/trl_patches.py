"""TRL's LM head, without what it throws away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from trl.trainer import utils


@contextmanager
def answers_only() -> Iterator[None]:
    """Inside, it scores the answers' tokens only, as TRL 1.16 does on a GPU anyway.

    Without one it scores prompts and padding too and throws that away, for the sake of devices that
    compile each shape anew.
    """
    if torch.cuda.is_available():
        yield
        return
    on_a_gpu = utils._use_triton
    utils._use_triton = lambda _device: True  # `add_fused_lm_head` asks it about the shape, no more
    try:
        yield
    finally:
        utils._use_triton = on_a_gpu
