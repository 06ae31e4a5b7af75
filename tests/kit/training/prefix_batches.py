"""Batches of TRL's collator and tiny models, for the tests of prefix sharing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from trl.trainer.dpo_trainer import DataCollatorForPreference
from trl.trainer.utils import add_fused_lm_head

from dpojob_trainer.training.dpo_trainer.trl_patches import attention_implementation
from dpojob_trainer.training.prefix_sharing import SharedBackbone

VOCABULARY = 256
SHAPE = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256,
    "pad_token_id": 0,
}  # fmt: skip
WINDOW = {"sliding_window": 8}
FAMILY_SETTINGS: dict[str, dict[str, Any]] = {
    "mistral": WINDOW,
    "gemma2": WINDOW,
    "gemma3_text": WINDOW,
    "mixtral": {"num_local_experts": 4},
    "qwen3_moe": {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
}
"""Settings of families besides SHAPE: windows that are shorter than the rows, and experts."""


def pairs(lengths: Sequence[tuple[int, int, int]], seed: int = 0) -> list[dict[str, list[int]]]:
    """Examples as TRL tokenises them, with lengths of prompt, chosen and rejected."""
    draw = random.Random(seed)

    def tokens(count: int) -> list[int]:
        return [draw.randrange(1, VOCABULARY) for _ in range(count)]

    return [
        {"prompt_ids": tokens(p), "chosen_ids": tokens(c), "rejected_ids": tokens(r)}
        for p, c, r in lengths
    ]


def batch_of(examples: list[dict[str, list[int]]], **options: Any) -> dict[str, Any]:
    """TRL's batch."""
    batch: dict[str, Any] = DataCollatorForPreference(pad_token_id=0, **options)(examples)
    return batch


def tiny_model(model_type: str, attention: str = "sdpa", **more: Any) -> Any:
    """A model with random weights that are large enough for every token to matter."""
    config = AutoConfig.for_model(model_type, **{**SHAPE, **more})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.15)
    return model.eval()


def shared(model: Any) -> Any:
    """The model with TRL's LM head and a backbone that shares prefixes."""
    SharedBackbone().attach(model, attention_implementation(model))
    add_fused_lm_head(model)
    return model


def forward(model: Any, batch: dict[str, Any], **options: Any) -> Any:
    """The forward of DPOTrainer's loss."""
    inputs = {name: value for name, value in batch.items() if name != "completion_mask"}
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    return model(**inputs, **options, labels=labels, use_cache=False, fused_lm_head=True)
