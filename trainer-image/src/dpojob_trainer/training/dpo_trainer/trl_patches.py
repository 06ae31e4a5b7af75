"""Every use of private names of TRL, transformers, accelerate and PEFT, with the versions whose code it relies on.

`tests/trainer/training/dpo_trainer/test_trl_patches.py` fails when one of these names moves or when other
versions are installed; read the libraries' code again then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, cast

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, fsdp_utils
from peft import peft_model
from transformers import modeling_utils
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME
from trl import DPOTrainer
from trl.kernels import chunked_logprob
from trl.trainer import dpo_trainer, utils

from dpojob_trainer.training import sharding
from dpojob_trainer.training.digested_files import FileDigests

from .logit_tiles import differentiate_tile, fold_tile
from .tensor_file import write_tensors

TRL_VERSION = "1.16.0"
TRANSFORMERS_VERSION = "5.23.0"
ACCELERATE_VERSION = "1.15.0"
PEFT_VERSION = "0.21.2"
CPU_TILE = 2048
"""Tokens of the vocabulary in a tile of logits on a processor: `bench/train/prefix_sharing.py`."""


class PatchedDPOTrainer(DPOTrainer):  # type: ignore[misc]
    """DPOTrainer with access to its checkpoints, its token count and its sharding."""

    def __init__(self, *args: Any, digests: FileDigests, **kwargs: Any) -> None:
        """Take TRL's arguments; `digests` gets those of the files of weights and of the optimizer's state."""
        self._digests = digests
        with _sharding_adjusted():
            super().__init__(*args, **kwargs)
        if self.is_fsdp_enabled and self.args.precompute_ref_log_probs:
            # TRL 1.16 keeps a reference that it was given. It would have loaded its own in every process.
            self.ref_model = None

    def _prepare_for_training(self, *args: Any, **kwargs: Any) -> Any:
        """Shard the policy, where it is to be sharded."""
        with _sharding_adjusted():
            return super()._prepare_for_training(*args, **kwargs)

    def prepare_rows(
        self, rows: Any, tokenizer: Any, config: Any, tokenize: Callable[[], Any]
    ) -> Any:
        """Return the tokenised rows; called once for each data set."""
        return tokenize()

    def _prepare_dataset(self, dataset: Any, processing_class: Any, args: Any, name: str) -> Any:
        """Tokenise rows; TRL 1.16 has no public method for it."""
        tokenize = partial(super()._prepare_dataset, dataset, processing_class, args, name)
        return self.prepare_rows(dataset, processing_class, args, tokenize)

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
        with _tensors_written_with_digest(self._digests):
            if self.is_fsdp_enabled:
                self._save_sharded_model(output_dir, _internal_call)
            else:
                super().save_model(output_dir, _internal_call)

    def _save_sharded_model(self, output_dir: str | None, _internal_call: bool) -> None:
        weights = sharding.gather_model(self.model, keep=self.args.should_save)
        if self.args.should_save:
            # A checkpoint keeps the names that the weights have in memory.
            self.model.save_pretrained(
                output_dir, state_dict=weights, save_original_format=not _internal_call
            )
            self.processing_class.save_pretrained(output_dir)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """In the same files with and without sharding, so that any number of GPUs can go on from them.

        transformers 5.23 would write other files for a sharded model, and all weights for a second time.
        """
        if self.is_fsdp_enabled:
            state = sharding.gather_optimizer_state(self.optimizer, keep=self.args.should_save)
        elif self.args.should_save:
            state = self.optimizer.state_dict()
        if self.args.should_save:
            with self._digests.writing(Path(output_dir) / OPTIMIZER_NAME) as file:
                torch.save(state, cast(BinaryIO, file))
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
def _sharding_adjusted() -> Iterator[None]:
    """Inside the block, models are sharded by the functions of `sharding`.

    A separate reference is sharded as accelerate shards the policy: TRL 1.16 calls `prepare_fsdp` for it alone,
    when a trainer is created. It is hashed before, where only the first process has its weights, and weights
    are sent from there also where buffers are saved with them.
    """
    with (
        _replaced(dpo_trainer, "prepare_fsdp", sharding.shard_reference),
        _replaced(dpo_trainer, "hash_module", _hash_in_first_process),
        _replaced(fsdp_utils, "fsdp2_load_full_state_dict", sharding.send_from_first_process),
    ):
        yield


@contextmanager
def _tensors_written_with_digest(digests: FileDigests) -> Iterator[None]:
    """Inside the block, transformers and PEFT write safetensors files tensor by tensor."""

    def save_file(
        tensors: Mapping[str, torch.Tensor],
        filename: str,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        with digests.writing(Path(filename)) as file:
            write_tensors(file, tensors, metadata)

    with (
        _replaced(modeling_utils, "safe_save_file", save_file),
        _replaced(peft_model, "safe_save_file", save_file),
    ):
        yield


@contextmanager
def _replaced(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    """Inside the block, replace what a module has under a name."""
    original = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, original)


def _hash_in_first_process(module: torch.nn.Module) -> str:
    """TRL's hash of a model's weights, the same in all processes."""
    state = PartialState()
    found = [utils.hash_module(module) if state.is_main_process else ""]
    broadcast_object_list(found)
    return found[0]


@contextmanager
def collator_class(collator: Callable[..., Any]) -> Iterator[None]:
    """Inside the block, have TRL 1.16 make its collator with `collator`, with the arguments of its own.

    A collator that is passed to DPOTrainer would be made before TRL has chosen the padding token.
    """
    with _replaced(dpo_trainer, "DataCollatorForPreference", collator):
        yield


@contextmanager
def completion_logits_only() -> Iterator[None]:
    """Inside the block, compute logits of completion tokens only, as TRL 1.16 does on a GPU.

    Without a GPU it computes logits of prompts and padding too and discards them, for devices that
    compile each shape anew. `add_fused_lm_head` calls `_use_triton` only to choose between the two.
    """
    if torch.cuda.is_available():
        yield
        return
    with _replaced(utils, "_use_triton", lambda _device: True):
        yield


@contextmanager
def logits_in_small_tiles() -> Iterator[None]:
    """Inside the block, have TRL 1.16 compute logits in tiles of CPU_TILE tokens of the vocabulary, without a GPU.

    Its tiles are made for GPUs. On a processor such a tile does not fit in the caches, and TRL goes over it many times.
    """
    if torch.cuda.is_available():
        yield
        return
    forward = partial(fold_tile, chunked_logprob._forward_tile)
    backward = partial(differentiate_tile, chunked_logprob._backward_tile)
    with (
        _replaced(utils, "_CHUNKED_LOGPROB_CHUNK_SIZE", CPU_TILE),
        _replaced(chunked_logprob, "_forward_tile", forward),
        _replaced(chunked_logprob, "_backward_tile", backward),
    ):
        yield


def attention_implementation(model: Any) -> str:
    """The attention implementation that transformers 5.23 selected for the model."""
    return str(model.config._attn_implementation)
