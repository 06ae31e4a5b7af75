"""The finished model on disk: the whole model or the adapter alone, or the adapter merged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM

from dpojob_trainer.training.setup.adapter import put_on_to_merge
from dpojob_trainer.training.setup.model_source import Start
from dpojob_trainer.training.setup.train_job import TrainJob

TRAINED = "default"
"""PEFT's name of the adapter that is trained; TRL's frozen copy is called ref."""

TOLERANCE = 1e-4
"""Between a merged model's logits and the adapter's on its base, in fp32."""
TOLERANCE_ROUNDED = 0.05
"""The same for weights that were rounded to 16 bits afterwards; a tensor that is lost is far more."""
TOKENS = 16
ASIDE = "merged"


def save(
    trainer: Any, tokenizer: Any, start: Start, directory: Path, job: TrainJob, notes: list[str]
) -> Literal["model", "adapter"]:
    """Write what `from_pretrained` reads into `directory`. Every process calls it together.

    Says in `notes` what is other than asked for.
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
    told = model.peft_config[TRAINED]
    told.base_model_name_or_path, told.revision = start.name, start.revision
    # Told, PEFT need not find the base again to see whether tokens were added to it.
    base = AutoConfig.from_pretrained(start.model).get_text_config()
    resized = model.get_input_embeddings().weight.shape[0] != base.vocab_size
    model.save_pretrained(directory, selected_adapters=[TRAINED], save_embedding_layers=resized)
    tokenizer.save_pretrained(directory)
    if not job.spec.output.merge:
        return "adapter"
    apart = _merge(directory, start)
    if apart is None:
        return "model"
    notes.append(
        f"output.merge: the merged model's logits would be {apart:.2g} apart from the adapter's on its "
        "base, so the adapter is kept as it is"
    )
    return "adapter"


def _merge(directory: Path, start: Start) -> float | None:
    """Replace the adapter in `directory` by the base with the adapter in its weights.

    The base is read anew and whole, since the one in training may be quantised. The sum is taken in
    fp32 and then rounded once to the base's own type; on the CPU, so that the GPU's memory need not
    hold a second model. Where logits are not the adapter's on its base, gives by how much and leaves
    the adapter.
    """
    stored = AutoConfig.from_pretrained(start.model).dtype or torch.float32
    base = AutoModelForCausalLM.from_pretrained(start.model, dtype=torch.float32)
    carrying = put_on_to_merge(base, directory)
    wanted = _logits(carrying)
    merged = carrying.merge_and_unload(safe_merge=True)
    apart = _apart(_logits(merged), wanted)
    if not apart <= TOLERANCE:  # Nor is what is no number.
        return apart
    aside = directory / ASIDE
    merged.to(stored).save_pretrained(aside)
    del base, carrying, merged
    read = AutoModelForCausalLM.from_pretrained(aside, dtype=torch.float32)
    apart = _apart(_logits(read), wanted)
    if not apart <= (TOLERANCE if stored == torch.float32 else TOLERANCE_ROUNDED):
        shutil.rmtree(aside)
        return apart
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (directory / name).unlink()
    for path in aside.iterdir():
        path.rename(directory / path.name)
    aside.rmdir()
    return None


def _logits(model: Any) -> torch.Tensor:
    """Of tokens from all over the vocabulary."""
    rows = model.get_input_embeddings().weight.shape[0]
    tokens = torch.linspace(0, rows - 1, TOKENS).long()[None]
    with torch.no_grad():
        found: torch.Tensor = model.eval()(input_ids=tokens).logits
    return found


def _apart(got: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference; of logits beyond 1, as a share of the largest."""
    return float((got - wanted).abs().max() / wanted.abs().max().clamp(min=1))
