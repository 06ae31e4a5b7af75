"""What makes training quick where there is no GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from trl.trainer import utils

from dpojob_api.agreed import SMALL_FOR_A_CPU


@contextmanager
def at_its_best(parameters: int) -> Iterator[None]:
    """Inside, a model of so many parameters trains as suits a CPU; with a GPU nothing changes.

    A small model gets one thread: its matrices are done before a second one has woken up. And the LM
    head scores the answers' tokens only, as TRL 1.16 does on a GPU; elsewhere it scores prompts and
    padding too and throws that away, for the sake of devices that compile each shape anew.
    """
    if torch.cuda.is_available():
        yield
        return
    threads, on_a_gpu = torch.get_num_threads(), utils._use_triton
    if (
        parameters is not None
        and parameters < SMALL_FOR_A_CPU
        and "OMP_NUM_THREADS" not in os.environ
    ):
        torch.set_num_threads(1)
    utils._use_triton = lambda _device: True  # `add_fused_lm_head` asks it about the shape, no more
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        utils._use_triton = on_a_gpu
