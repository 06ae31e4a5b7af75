"""The keys of stored values: what the log-probabilities of a pair depend on, and nothing else."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import torch

LIBRARIES = ("trl", "transformers", "torch")
"""Packages that compute the values."""
NEW_ADAPTER = ".default."
"""The part of peft's names of weights that marks the adapter that is trained, without which the model is the reference."""
PEFT_NAMES = re.compile(r"^base_model\.model\.|\.base_layer\b")
"""What peft adds to the names of a model's weights, by which layers have an adapter."""
ORIGIN_FIELDS = ("_name_or_path", "transformers_version")
"""The fields of a configuration that say where the model was read from, and what wrote it."""
CHUNK_BYTES = 64 * 2**20
"""Bytes of a tensor that are copied from a GPU and hashed at a time."""


def reference_key(model: Any, settings: Mapping[str, object]) -> str:
    """Identify a reference model and how its log-probabilities are computed.

    Args:
        model: The reference model, or the model whose adapter in training is switched off for it.
        settings: Whatever else the values depend on: the type that is computed in, `ld_alpha`.

    Returns:
        64 hexadecimal digits: SHA-256 over weights, configuration, settings and versions of libraries.
    """
    digest = hashlib.sha256()
    config = json.loads(model.config.to_json_string(use_diff=False))
    described = {
        "config": {name: config[name] for name in config if name not in ORIGIN_FIELDS},
        "libraries": {name: version(name) for name in LIBRARIES},
        "settings": {name: str(value) for name, value in settings.items()},
    }
    digest.update(json.dumps(described, sort_keys=True, default=str).encode())
    for name, tensor in sorted(_tensors(model)):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        _add_bytes(digest, tensor)
    return digest.hexdigest()


def _tensors(model: Any) -> Iterable[tuple[str, torch.Tensor]]:
    """Weights and buffers by the names that they have without adapters."""
    for name, tensor in itertools.chain(model.named_parameters(), model.named_buffers()):
        if NEW_ADAPTER not in name:
            yield PEFT_NAMES.sub("", name), tensor


def _add_bytes(digest: Any, tensor: torch.Tensor) -> None:
    flat = tensor.detach().contiguous().view(-1).view(torch.uint8)
    for start in range(0, flat.numel(), CHUNK_BYTES):
        digest.update(flat[start : start + CHUNK_BYTES].cpu().numpy().data)


def pair_keys(inputs: Mapping[str, torch.Tensor]) -> list[bytes]:
    """Identify the pairs of a batch by their tokens.

    Args:
        inputs: A batch of TRL's collator: chosen rows before rejected ones, padded on the right.

    Returns:
        By pair, SHA-256 over the token ids of both rows and where their answers begin, without padding.
    """
    rows, masks, answers = (
        inputs[name].cpu() for name in ("input_ids", "attention_mask", "completion_mask")
    )
    pairs, keys = len(rows) // 2, []
    for number in range(pairs):
        digest = hashlib.sha256()
        for row in (number, number + pairs):
            real = masks[row].bool()
            digest.update(f"{int(real.sum())}\n".encode())
            digest.update(rows[row][real].to(torch.int64).numpy().data)
            digest.update(answers[row][real].to(torch.uint8).numpy().data)
        keys.append(digest.digest())
    return keys
