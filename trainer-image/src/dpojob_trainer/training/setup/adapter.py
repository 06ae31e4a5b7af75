"""An adapter on its base: put on as it was trained, and merged without changing what the base shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import safe_open

WEIGHTS = "adapter_model.safetensors"


def put_on(model: Any, adapter: Path, *, trainable: bool = False) -> PeftModel:
    """`model` with the adapter on it, with rows for the tokens that the adapter's training added."""
    _resize(model, _rows(model, adapter))
    return PeftModel.from_pretrained(model, adapter, is_trainable=trainable)


def put_on_to_merge(model: Any, adapter: Path) -> PeftModel:
    """The same; merged, it equals itself also where the adapter changes one of two tied embeddings."""
    _resize(model, _rows(model, adapter))
    if _is_tied(model) and _changes_one(model, adapter):
        _untie(model)
    return PeftModel.from_pretrained(model, adapter)


def merged(model: Any, adapter: Path) -> Any:
    """`model` with the adapter in its weights."""
    return put_on_to_merge(model, adapter).merge_and_unload(safe_merge=True)


def _embeddings(model: Any) -> list[str]:
    """The names of input and output embedding, as an adapter's file has them."""
    wanted = (model.get_input_embeddings(), model.get_output_embeddings())
    return [
        f"base_model.model.{name}."
        for name, module in model.named_modules()
        if any(module is one for one in wanted)
    ]


def _rows(model: Any, adapter: Path) -> int | None:
    """Rows of the embeddings that lie beside the adapter; None where none do."""
    kept = tuple(
        name + suffix for name in _embeddings(model) for suffix in ("weight", "base_layer.weight")
    )
    with safe_open(adapter / WEIGHTS, "pt") as file:
        found = [file.get_slice(key).get_shape()[0] for key in file.keys() if key in kept]  # noqa: SIM118
    return max(found, default=None)


def _resize(model: Any, rows: int | None) -> None:
    before = model.get_input_embeddings().weight.shape[0]
    if rows is None or rows == before:
        return
    model.resize_token_embeddings(rows, mean_resizing=False)
    with torch.no_grad():
        for embedding in (model.get_input_embeddings(), model.get_output_embeddings()):
            # Rows that the adapter does not bring are the same in the model, its reference and the
            # merged one.
            embedding.weight[before:] = embedding.weight[:before].mean(dim=0)


def _is_tied(model: Any) -> bool:
    return model.get_input_embeddings().weight is model.get_output_embeddings().weight


def _changes_one(model: Any, adapter: Path) -> bool:
    names = tuple(_embeddings(model))
    with safe_open(adapter / WEIGHTS, "pt") as file:
        return any(key.startswith(names) and ".lora_" in key for key in file.keys())  # noqa: SIM118


def _untie(model: Any) -> None:
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone())
    model.config.tie_word_embeddings = False
    model.config.get_text_config().tie_word_embeddings = False
