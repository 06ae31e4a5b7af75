"""Every use of private names of TRL and transformers, with the versions whose code it relies on.

`tests/trainer/training/loop/test_trl_patches.py` fails when one of these names moves or when other
versions are installed; read the libraries' code again then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from trl import DPOTrainer
from trl.trainer import utils

TRL_VERSION = "1.16.0"
TRANSFORMERS_VERSION = "5.23.0"


class PatchedDPOTrainer(DPOTrainer):  # type: ignore[misc]
    """DPOTrainer with access to its checkpoints and its token count."""

    def before_checkpoint(self) -> None:
        """Called by every process before it writes its part of a checkpoint."""

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        """transformers 5.23 has no callback before a checkpoint is written, only after it."""
        self.before_checkpoint()
        super()._save_checkpoint(*args, **kwargs)

    def save_checkpoint(self) -> None:
        """Save a checkpoint of the current step; transformers 5.23 does so only inside its own loop."""
        self._save_checkpoint(self.model, trial=None)

    def continue_token_count(self, tokens: int) -> None:
        """Count tokens on from `tokens`: TRL 1.16 starts at 0 in each process, also after a resume."""
        self._total_train_tokens = tokens

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: the run ends with a card of ours, and TRL 1.16 imports every tracker for its own."""


@contextmanager
def completion_logits_only() -> Iterator[None]:
    """Inside the block, compute logits of completion tokens only, as TRL 1.16 does on a GPU.

    Without a GPU it computes logits of prompts and padding too and discards them, for devices that
    compile each shape anew. `add_fused_lm_head` calls `_use_triton` only to choose between the two.
    """
    if torch.cuda.is_available():
        yield
        return
    original = utils._use_triton
    utils._use_triton = lambda _device: True
    try:
        yield
    finally:
        utils._use_triton = original


def attention_implementation(model: Any) -> str:
    """The attention implementation that transformers 5.23 selected for the model."""
    return str(model.config._attn_implementation)
