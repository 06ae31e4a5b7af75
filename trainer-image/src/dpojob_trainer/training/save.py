"""The finished model on disk: the whole model or the adapter alone, or the adapter merged."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM

from .job import TrainJob
from .source import Start

TRAINED = "default"
"""PEFT's name of the adapter that is trained; TRL's frozen copy is called ref."""


def save(
    trainer: Any, tokenizer: Any, start: Start, directory: Path, job: TrainJob
) -> Literal["model", "adapter"]:
    """Write what `from_pretrained` reads into `directory`. Every process calls it together."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    writes = trainer.args.process_index == 0
    if not isinstance(model, PeftModel):
        trainer.save_model(str(directory))
        if writes:
            (directory / "training_args.bin").unlink(missing_ok=True)
        return "model"
    if not writes:
        return "model" if job.spec.output.merge else "adapter"
    told = model.peft_config[TRAINED]
    told.base_model_name_or_path, told.revision = start.name, start.revision
    model.save_pretrained(directory, selected_adapters=[TRAINED])
    tokenizer.save_pretrained(directory)
    if not job.spec.output.merge:
        return "adapter"
    _merge(directory, start)
    return "model"


def _merge(directory: Path, start: Start) -> None:
    """Replace the adapter in `directory` by the base with the adapter in its weights.

    The base is read anew and whole, since the one in training may be quantised. The sum is taken in
    fp32 and then rounded once to the base's own type; on the CPU, so that the GPU's memory need not
    hold a second model.
    """
    stored = AutoConfig.from_pretrained(start.model).dtype or torch.float32
    base = AutoModelForCausalLM.from_pretrained(start.model, dtype=torch.float32)
    merged = PeftModel.from_pretrained(base, directory).merge_and_unload(safe_merge=True)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (directory / name).unlink(missing_ok=True)
    merged.to(stored).save_pretrained(directory)
