"""Merges an adapter into its base: config and weights of the merged model, in fp32 and rounded once.

The merge goes tensor by tensor, so that the memory needed is that of one written file and one layer, however
large the model is. An adapter that changes anything but linear layers and embeddings is merged in memory, in
a whole fp32 model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig
from transformers.utils import GENERATION_CONFIG_NAME

from .checkpoint_files import SHARD_BYTES, write_shards
from .loading import prepare_embeddings_for_merge
from .merge_check import check_outputs, sample_tokens
from .tensor_merge import TensorMerge


def merge_adapter(
    base: Path,
    adapter: Path,
    directory: Path,
    *,
    dtype: torch.dtype | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write the merged model's config and weights to `directory`.

    Args:
        base: The base model's directory.
        adapter: The adapter's directory.
        directory: Where the files go; it is created.
        dtype: Of the written weights; that of each of the base's weights by default.
        shard_bytes: Largest file that is written.

    Raises:
        InexactMergeError: The merge is not exact. Files may be left in `directory`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        merge = TensorMerge.plan(base, adapter)
        if merge is None:
            _merge_in_memory(base, adapter, directory, dtype, shard_bytes)
        else:
            infos = merge.infos(dtype)
            write_shards(
                directory,
                infos,
                lambda key: merge.tensor(key).to(infos[key].dtype),
                shard_bytes,
            )
            _save_configs(merge.model, base, directory, dtype)


def _merge_in_memory(
    base: Path, adapter: Path, directory: Path, dtype: torch.dtype | None, shard_bytes: int
) -> None:
    stored = (
        dtype or AutoConfig.from_pretrained(base, trust_remote_code=False).dtype or torch.float32
    )
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, trust_remote_code=False)
    prepare_embeddings_for_merge(model, adapter)
    adapted = PeftModel.from_pretrained(model, adapter).eval()
    tokens = sample_tokens(model.get_input_embeddings().weight.shape[0])
    expected = adapted(input_ids=tokens).logits
    merged = adapted.merge_and_unload(safe_merge=True)
    check_outputs(merged(input_ids=tokens).logits, expected)
    merged.to(stored).save_pretrained(directory, max_shard_size=shard_bytes)


def _save_configs(model: Any, base: Path, directory: Path, dtype: torch.dtype | None) -> None:
    if dtype is not None:
        model.config.dtype = dtype
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(directory)
    if (base / GENERATION_CONFIG_NAME).is_file():
        GenerationConfig.from_pretrained(base).save_pretrained(directory)
