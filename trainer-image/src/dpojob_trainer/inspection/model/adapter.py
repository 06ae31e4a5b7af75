"""Checks whether DPO can continue training an adapter; not every adapter that loads can be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer

from dpojob_api.report import ModelFacts
from dpojob_trainer.shared.errors import ModelUnreadable

from .files import ModelFiles, read_json

ADAPTER_WEIGHTS = "adapter_model.safetensors"
ON_HEAD = re.compile(r"(^|\.)(lm_head|embed_out|output)\.lora_")
STORED_ROWS = re.compile(
    r"\.(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings)\.(base_layer\.)?weight$"
)


class UnusableAdapter(ModelUnreadable):
    """Training cannot continue from the adapter.

    Args:
        files: The adapter's files.
        problem: What is wrong with the adapter, as a verb phrase that follows its name.
        remedy: What to do before starting from the merged model, as a sentence without its full stop.
    """

    def __init__(self, files: ModelFiles, problem: str, remedy: str) -> None:
        super().__init__(
            f"the adapter {files.source} {problem}. {remedy} and start from the merged model."
        )


def check_adapter(
    facts: ModelFacts, files: ModelFiles, tokenizer: Tokenizer | None, method: str
) -> None:
    """Check that training can continue from an adapter.

    Args:
        facts: The facts of the model; other models than adapters pass.
        files: The adapter's files.
        tokenizer: The tokenizer, where it could be loaded.
        method: `training.method` of the spec.

    Raises:
        UnusableAdapter: Training cannot continue from the adapter.
    """
    if not facts.adapter:
        return
    tensors = files.header(ADAPTER_WEIGHTS)
    if method != "full":
        _check_trainable_unmerged(files, read_json(files, "adapter_config.json") or {}, tensors)
    tokens = tokenizer.get_vocab_size() if tokenizer is not None else 0
    if tokens > facts.vocabulary and not any(STORED_ROWS.search(name) for name in tensors):
        raise UnusableAdapter(
            files,
            f"has a tokenizer of {tokens} tokens, its base has embeddings for {facts.vocabulary}, and the "
            "adapter holds none for the others",
            "Save it with save_embedding_layers=True, or merge it into its base",
        )


def _check_trainable_unmerged(
    files: ModelFiles, config: Mapping[str, Any], tensors: Mapping[str, Any]
) -> None:
    remedy = "Write training.method: full, which merges it first, or merge it into its base"
    if config.get("bias", "none") != "none":
        raise UnusableAdapter(
            files,
            f"was trained with bias: {config['bias']}; DPO holds an adapter twice, once as the reference, "
            "and PEFT allows one adapter with biases only",
            remedy,
        )
    if any(ON_HEAD.search(name) for name in tensors):
        raise UnusableAdapter(
            files,
            "lies on the LM head too, where TRL's DPO would leave it out of account",
            remedy,
        )
