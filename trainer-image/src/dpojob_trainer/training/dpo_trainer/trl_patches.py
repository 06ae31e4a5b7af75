"""Every use of private names of TRL, transformers and accelerate, with the versions whose code it relies on.

`tests/trainer/training/dpo_trainer/test_trl_patches.py` fails when one of these names moves or when other
versions are installed; read the libraries' code again then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME
from trl import DPOTrainer
from trl.trainer import dpo_trainer, utils

from dpojob_trainer.training import sharding

TRL_VERSION = "1.16.0"
TRANSFORMERS_VERSION = "5.23.0"
ACCELERATE_VERSION = "1.15.0"
CPU_TILE = 2048
"""Tokens of the vocabulary in a tile of logits on a processor: `bench/train/prefix_sharing.py`."""


class PatchedDPOTrainer(DPOTrainer):  # type: ignore[misc]
    """DPOTrainer with access to its checkpoints, its token count and its sharding."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        with _reference_sharded_by_layer(self.before_reference_is_sharded):
            super().__init__(*args, **kwargs)

    def before_reference_is_sharded(self, reference: Any) -> None:
        """Called with the separate reference model of a sharded training, once TRL has loaded it."""

    def create_accelerator_and_postprocess(self) -> None:
        """Set what transformers 5.23 has no argument for, before any model is sharded."""
        if self.args.fsdp:
            # Otherwise every GPU would hold the gradients of the whole model, in fp32, from the first
            # micro-batch of a step to the last.
            config = self.args.accelerator_config
            config.gradient_accumulation_kwargs = {
                **(config.gradient_accumulation_kwargs or {}),
                "sync_each_batch": True,
            }
        super().create_accelerator_and_postprocess()
        if self.is_fsdp_enabled:
            sharding.keep_fp32_outputs_and_reductions(self.accelerator)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the model; every process calls this, and the first one writes.

        For an adapter on a sharded model transformers 5.23 would gather the whole base.
        """
        if not self.is_fsdp_enabled:
            super().save_model(output_dir, _internal_call)
            return
        weights = sharding.gather_model(self.model, keep=self.args.should_save)
        if self.args.should_save:
            # A checkpoint keeps the names that the weights have in memory.
            self.model.save_pretrained(
                output_dir, state_dict=weights, save_original_format=not _internal_call
            )
            self.processing_class.save_pretrained(output_dir)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """In the files that a run without sharding has, so that any number of GPUs can go on from them.

        transformers 5.23 would write other files, and all weights for a second time.
        """
        if not self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        state = sharding.gather_optimizer_state(self.optimizer, keep=self.args.should_save)
        if self.args.should_save:
            torch.save(state, Path(output_dir) / OPTIMIZER_NAME)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Load the weights to go on from; transformers 5.23 would look for files of its sharded format."""
        if self.is_fsdp_enabled:
            sharding.load_model_weights(self.model, Path(resume_from_checkpoint))
        else:
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _load_best_model(self) -> None:
        """Load the best checkpoint's weights at the end, as `_load_from_checkpoint`."""
        if self.is_fsdp_enabled:
            sharding.load_model_weights(self.model, Path(self.state.best_model_checkpoint))
        else:
            super()._load_best_model()

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Load what `_save_optimizer_and_scheduler` wrote, with or without sharding."""
        if not self.is_fsdp_enabled or checkpoint is None:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        directory = Path(checkpoint)
        state = torch.load(directory / OPTIMIZER_NAME, "cpu", weights_only=True, mmap=True)
        sharding.load_optimizer_state(self.optimizer, state)
        self.lr_scheduler.load_state_dict(torch.load(directory / SCHEDULER_NAME, weights_only=True))

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
def _reference_sharded_by_layer(prepare: Callable[[Any], None]) -> Iterator[None]:
    """Inside the block, `prepare` a separate reference model and shard it as accelerate shards the policy.

    TRL 1.16 calls `prepare_fsdp` for the reference only, when a trainer is created.
    """
    original = dpo_trainer.prepare_fsdp

    def shard(model: Any, accelerator: Any) -> Any:
        prepare(model)
        return sharding.shard_reference(model, accelerator)

    dpo_trainer.prepare_fsdp = shard
    try:
        yield
    finally:
        dpo_trainer.prepare_fsdp = original


@contextmanager
def collator_class(collator: Callable[..., Any]) -> Iterator[None]:
    """Inside the block, have TRL 1.16 make its collator with `collator`, with the arguments of its own.

    A collator that is passed to DPOTrainer would be made before TRL has chosen the padding token.
    """
    original = dpo_trainer.DataCollatorForPreference
    dpo_trainer.DataCollatorForPreference = collator
    try:
        yield
    finally:
        dpo_trainer.DataCollatorForPreference = original


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


@contextmanager
def logits_in_small_tiles() -> Iterator[None]:
    """Inside the block, have TRL 1.16 compute logits in tiles of CPU_TILE tokens of the vocabulary, without a GPU.

    Its tiles are made for GPUs. On a processor such a tile does not fit in the caches.
    """
    if torch.cuda.is_available():
        yield
        return
    original = utils._CHUNKED_LOGPROB_CHUNK_SIZE
    utils._CHUNKED_LOGPROB_CHUNK_SIZE = CPU_TILE
    try:
        yield
    finally:
        utils._CHUNKED_LOGPROB_CHUNK_SIZE = original


def attention_implementation(model: Any) -> str:
    """The attention implementation that transformers 5.23 selected for the model."""
    return str(model.config._attn_implementation)
