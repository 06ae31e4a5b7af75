"""Writes the finished model: the full model, the adapter alone, or the adapter merged into its base."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM

from dpojob_trainer.training.setup.adapter import load_adapter_to_merge
from dpojob_trainer.training.setup.model_source import ModelLocation
from dpojob_trainer.training.setup.train_job import TrainJob

TRAINED_ADAPTER = "default"
"""PEFT's name of the trained adapter; TRL's frozen copy of it is named ref."""

TOLERANCE = 1e-4
"""The largest difference between the merged model's logits and the adapter's on its base, in fp32."""
TOLERANCE_ROUNDED = 0.05
"""The same for weights rounded to 16 bits; a missing tensor makes a far larger difference."""
CHECK_TOKENS = 16
"""Tokens in the comparison."""
MERGED_DIRECTORY = "merged"


def write_model(
    trainer: Any,
    tokenizer: Any,
    start: ModelLocation,
    directory: Path,
    job: TrainJob,
    notes: list[str],
) -> Literal["model", "adapter"]:
    """Write the files that `from_pretrained` reads into `directory`; called by every process.

    Adds a note where the result is not what the spec asks for.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    writes = trainer.args.process_index == 0
    if not isinstance(model, PeftModel):
        trainer.save_model(str(directory))
        if writes:
            (directory / "training_args.bin").unlink(missing_ok=True)
        return "model"
    if not writes:
        return "model" if job.spec.output.merge else "adapter"
    adapter_config = model.peft_config[TRAINED_ADAPTER]
    adapter_config.base_model_name_or_path, adapter_config.revision = start.name, start.revision
    # Otherwise PEFT would look for the base model to see whether tokens were added to it.
    base = AutoConfig.from_pretrained(start.model).get_text_config()
    resized = model.get_input_embeddings().weight.shape[0] != base.vocab_size
    model.save_pretrained(
        directory, selected_adapters=[TRAINED_ADAPTER], save_embedding_layers=resized
    )
    tokenizer.save_pretrained(directory)
    if not job.spec.output.merge:
        return "adapter"
    difference = _merge(directory, start)
    if difference is None:
        return "model"
    notes.append(
        f"output.merge: the merged model's logits would be {difference:.2g} apart from the adapter's on its "
        "base, so the adapter is kept as it is"
    )
    return "adapter"


def _merge(directory: Path, start: ModelLocation) -> float | None:
    """Replace the adapter in `directory` by the base model with the adapter merged.

    The base is loaded again in full precision, since the one in training may be quantised. The sum is
    computed in fp32 and then rounded once to the base's dtype; on the CPU, so that the GPU need not
    hold a second model.

    Returns None after the merge. Where the merged model's logits differ from those of the adapter on
    its base, returns the difference and keeps the adapter.
    """
    stored = AutoConfig.from_pretrained(start.model).dtype or torch.float32
    base = AutoModelForCausalLM.from_pretrained(start.model, dtype=torch.float32)
    adapted = load_adapter_to_merge(base, directory)
    expected = _logits(adapted)
    merged = adapted.merge_and_unload(safe_merge=True)
    difference = _logit_difference(_logits(merged), expected)
    if not difference <= TOLERANCE:  # Also when it is NaN.
        return difference
    merged_directory = directory / MERGED_DIRECTORY
    merged.to(stored).save_pretrained(merged_directory)
    del base, adapted, merged
    reloaded = AutoModelForCausalLM.from_pretrained(merged_directory, dtype=torch.float32)
    difference = _logit_difference(_logits(reloaded), expected)
    if not difference <= (TOLERANCE if stored == torch.float32 else TOLERANCE_ROUNDED):
        shutil.rmtree(merged_directory)
        return difference
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (directory / name).unlink()
    for path in merged_directory.iterdir():
        path.rename(directory / path.name)
    merged_directory.rmdir()
    return None


def _logits(model: Any) -> torch.Tensor:
    """The logits of tokens spread over the whole vocabulary."""
    rows = model.get_input_embeddings().weight.shape[0]
    tokens = torch.linspace(0, rows - 1, CHECK_TOKENS).long()[None]
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=tokens).logits
    return found


def _logit_difference(got: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, relative to the largest expected logit where that is above 1."""
    return float((got - expected).abs().max() / expected.abs().max().clamp(min=1))
