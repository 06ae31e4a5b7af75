"""The private names that trl_patches uses are there, in the versions that it was written for."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import torch
import transformers
from trl import DPOTrainer
from trl.trainer import dpo_trainer, utils

from dpojob_trainer.training.loop import trl_patches


def test_the_patches_are_for_the_installed_versions() -> None:
    assert version("trl") == trl_patches.TRL_VERSION
    assert version("transformers") == trl_patches.TRANSFORMERS_VERSION


def test_trl_asks_only_use_triton_which_logits_to_compute() -> None:
    assert list(inspect.signature(utils._use_triton).parameters) == ["device"]
    assert "_use_triton(" in inspect.getsource(utils.add_fused_lm_head)


def test_trl_counts_tokens_in_an_attribute_of_its_trainer() -> None:
    assert "self._total_train_tokens" in inspect.getsource(dpo_trainer)


def test_transformers_saves_each_checkpoint_through_one_method() -> None:
    save = transformers.Trainer._save_checkpoint
    assert list(inspect.signature(save).parameters) == ["self", "model", "trial"]
    assert "_save_checkpoint(" in inspect.getsource(transformers.Trainer._maybe_log_save_evaluate)
    assert "create_model_card(" in inspect.getsource(DPOTrainer._save_checkpoint)


def test_transformers_keeps_the_attention_implementation_in_the_config() -> None:
    config = transformers.LlamaConfig(
        hidden_size=8, intermediate_size=8, num_attention_heads=1, num_hidden_layers=1, vocab_size=8
    )
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    assert trl_patches.attention_implementation(model) == "eager"


def test_the_patch_of_use_triton_is_undone() -> None:
    original = utils._use_triton
    with trl_patches.completion_logits_only():
        assert torch.cuda.is_available() or utils._use_triton is not original
    assert utils._use_triton is original
