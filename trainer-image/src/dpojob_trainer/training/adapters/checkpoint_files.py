"""A model's safetensors files: read tensor by tensor, and written shard by shard."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors import safe_open
from safetensors.torch import save_file
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME

SHARD_BYTES = 2 * 10**9
"""Largest file that is written; a larger tensor has a file of its own. A whole file is in memory before it
is written."""


@dataclass(frozen=True)
class TensorInfo:
    """Shape and dtype of a stored tensor."""

    shape: tuple[int, ...]
    dtype: torch.dtype


class CheckpointFiles:
    """The tensors in the files that `from_pretrained` reads from a directory; none where it reads others."""

    def __init__(self, directory: Path) -> None:
        self._paths: dict[str, Path] = {}
        whole, index = directory / SAFE_WEIGHTS_NAME, directory / SAFE_WEIGHTS_INDEX_NAME
        if whole.is_file():
            with safe_open(whole, "pt") as file:
                self._paths = dict.fromkeys(file.keys(), whole)
        elif index.is_file():
            weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
            self._paths = {name: directory / file for name, file in weight_map.items()}

    def infos(self) -> dict[str, TensorInfo]:
        """Shape and dtype by name, in the order of the files."""
        found = {}
        for path in dict.fromkeys(self._paths.values()):
            with safe_open(path, "pt") as file:
                for name in file.keys():  # noqa: SIM118
                    stored = file.get_slice(name)
                    # An empty slice has the dtype as torch names it.
                    dtype = stored[:0].dtype if stored.get_shape() else file.get_tensor(name).dtype
                    found[name] = TensorInfo(tuple(stored.get_shape()), dtype)
        return {name: info for name, info in found.items() if name in self._paths}

    def read(self, name: str) -> torch.Tensor:
        """One tensor. Its file is mapped only as long as the tensor lives."""
        with safe_open(self._paths[name], "pt") as file:
            tensor: torch.Tensor = file.get_tensor(name)
        return tensor


def write_shards(
    directory: Path,
    infos: Mapping[str, TensorInfo],
    make: Callable[[str], torch.Tensor],
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write a model's tensors to files of at most `shard_bytes`, with their index.

    Args:
        directory: Where the files go.
        infos: Shape and dtype of every tensor.
        make: Returns a tensor by name; called when its file is written, so that the tensors of one file
            at a time are in memory.
        shard_bytes: Largest file.
    """
    split = split_torch_state_dict_into_shards(
        {
            name: torch.empty(info.shape, dtype=info.dtype, device="meta")
            for name, info in infos.items()
        },
        max_shard_size=shard_bytes,
    )
    for filename, names in split.filename_to_tensors.items():
        tensors = {name: make(name).contiguous() for name in names}
        save_file(tensors, directory / filename, metadata={"format": "pt"})
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        (directory / SAFE_WEIGHTS_INDEX_NAME).write_text(json.dumps(index, indent=2))
