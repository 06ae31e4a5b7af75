"""SFT adapters to start from."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer


def save_adapter(model: Path, directory: Path, base: str) -> None:
    """An adapter on `model`, far from zero, so that a wrong reference shows; it names `base`."""
    adapter = get_peft_model(
        AutoModelForCausalLM.from_pretrained(model),
        LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    torch.manual_seed(3)
    for name, parameter in adapter.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    adapter.peft_config["default"].base_model_name_or_path = base
    adapter.save_pretrained(directory)
    AutoTokenizer.from_pretrained(model).save_pretrained(directory)
