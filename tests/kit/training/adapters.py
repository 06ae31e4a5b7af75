"""SFT adapters to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer


def save_adapter(
    model: Path, directory: Path, base: str, *, new_tokens: int = 0, **lora: Any
) -> None:
    """An adapter on `model`, far from zero, so that a wrong reference shows; it names `base`."""
    tokenizer, whole = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)  # fmt: skip
    if new_tokens:
        tokenizer.add_tokens([f"<|new{number}|>" for number in range(new_tokens)])
        whole.resize_token_embeddings(len(tokenizer))
    wanted = {"r": 4, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **lora}
    adapter = get_peft_model(whole, LoraConfig(**wanted))
    torch.manual_seed(3)
    for name, parameter in adapter.named_parameters():
        if "lora_B" in name or "lora_embedding_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
        if "modules_to_save" in name:
            parameter.data += 0.1 * torch.randn_like(parameter)
    adapter.peft_config["default"].base_model_name_or_path = base
    adapter.save_pretrained(directory, save_embedding_layers=new_tokens > 0)
    tokenizer.save_pretrained(directory)
