"""What makes training quick where there is no GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from trl.trainer import utils


@contextmanager
def at_its_best() -> Iterator[None]:
    """Inside, the LM head scores the answers' tokens only, as TRL 1.16 does on a GPU anyway.

    Elsewhere it scores prompts and padding too and throws that away, for the sake of devices that
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
