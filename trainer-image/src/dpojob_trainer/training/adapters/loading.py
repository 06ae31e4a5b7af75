"""Loading an adapter onto its base model, with the embeddings that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import safe_open

TRAINED_ADAPTER = "default"
"""PEFT's name of the trained adapter; TRL's frozen copy of it is named ref."""


def load_adapter(model: Any, adapter: Path, *, trainable: bool = False) -> PeftModel:
    """`model` with the adapter, its embeddings resized for tokens that the adapter's training added."""
    _resize(model, _embedding_rows(model, adapter))
    return PeftModel.from_pretrained(model, adapter, is_trainable=trainable)


def prepare_embeddings_for_merge(model: Any, adapter: Path) -> None:
    """Resize the embeddings as `load_adapter` does, and untie them where the adapter changes only one.

    Merged into a tied weight, the adapter would change both.
    """
    _resize(model, _embedding_rows(model, adapter))
    if _is_tied(model) and _changes_one(model, adapter):
        _untie(model)


def with_mean_rows(weight: torch.Tensor, rows: int) -> torch.Tensor:
    """An embedding of `rows` rows, those after the end of `weight` the mean of all.

    Rows that the adapter's file does not hold must be equal in the model, its reference and the merged
    model, so they are not initialised at random.
    """
    mean = weight.float().mean(dim=0, keepdim=True).to(weight.dtype)
    return torch.cat([weight, mean.expand(rows - len(weight), -1)])


def _embedding_names(model: Any) -> list[str]:
    """The key prefixes of the input and output embedding in an adapter's file."""
    embeddings = (model.get_input_embeddings(), model.get_output_embeddings())
    return [
        f"base_model.model.{name}."
        for name, module in model.named_modules()
        if any(module is one for one in embeddings)
    ]


def _embedding_rows(model: Any, adapter: Path) -> int | None:
    """Rows of the embeddings that the adapter's file holds; None where it holds none."""
    kept = tuple(
        name + suffix
        for name in _embedding_names(model)
        for suffix in ("weight", "base_layer.weight")
    )
    with safe_open(adapter / SAFETENSORS_WEIGHTS_NAME, "pt") as file:
        found = [file.get_slice(key).get_shape()[0] for key in file.keys() if key in kept]  # noqa: SIM118
    return max(found, default=None)


def _resize(model: Any, rows: int | None) -> None:
    before = model.get_input_embeddings().weight.shape[0]
    if rows is None or rows == before:
        return
    model.resize_token_embeddings(rows, mean_resizing=False)
    with torch.no_grad():
        for embedding in (model.get_input_embeddings(), model.get_output_embeddings()):
            embedding.weight.copy_(with_mean_rows(embedding.weight[:before], rows))


def _is_tied(model: Any) -> bool:
    return model.get_input_embeddings().weight is model.get_output_embeddings().weight


def _changes_one(model: Any, adapter: Path) -> bool:
    names = tuple(_embedding_names(model))
    with safe_open(adapter / SAFETENSORS_WEIGHTS_NAME, "pt") as file:
        return any(key.startswith(names) and ".lora_" in key for key in file.keys())  # noqa: SIM118


def _untie(model: Any) -> None:
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone())
    model.config.tie_word_embeddings = False
    model.config.get_text_config().tie_word_embeddings = False
