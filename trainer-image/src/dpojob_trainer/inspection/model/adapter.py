"""Whether DPO can go on from an adapter: not every one that loads can be trained on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer

from dpojob_api.report import ModelFacts
from dpojob_trainer.shared.errors import InspectionError, model_unreadable

from .files import ModelFiles, read_json

WEIGHTS = "adapter_model.safetensors"
ON_HEAD = re.compile(r"(^|\.)(lm_head|embed_out|output)\.lora_")
STORED_ROWS = re.compile(
    r"\.(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings)\.(base_layer\.)?weight$"
)


def check_adapter(
    facts: ModelFacts, files: ModelFiles, tokenizer: Tokenizer | None, method: str
) -> None:
    """Raises InspectionError (ModelUnreadable) where `files` are an adapter that cannot be gone on from.

    `method` is the spec's.
    """
    if not facts.adapter:
        return
    tensors = files.header(WEIGHTS)
    if method != "full":
        _as_it_is(files, read_json(files, "adapter_config.json") or {}, tensors)
    tokens = tokenizer.get_vocab_size() if tokenizer is not None else 0
    if tokens > facts.vocabulary and not any(STORED_ROWS.search(name) for name in tensors):
        raise _refused(
            files,
            f"has a tokenizer of {tokens} tokens, its base has embeddings for {facts.vocabulary}, and the "
            "adapter holds none for the others",
            "Save it with save_embedding_layers=True, or merge it into its base",
        )


def _as_it_is(files: ModelFiles, config: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    way_out = "Write training.method: full, which merges it first, or merge it into its base"
    if config.get("bias", "none") != "none":
        raise _refused(
            files,
            f"was trained with bias: {config['bias']}; DPO holds an adapter twice, once as the reference, "
            "and PEFT allows one adapter with biases only",
            way_out,
        )
    if any(ON_HEAD.search(name) for name in tensors):
        raise _refused(
            files,
            "lies on the LM head too, where TRL's DPO would leave it out of account",
            way_out,
        )


def _refused(files: ModelFiles, why: str, way_out: str) -> InspectionError:
    return model_unreadable(
        f"the adapter {files.source} {why}. {way_out} and start from the merged model."
    )
