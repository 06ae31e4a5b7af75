"""Writes the finished model: the full model, the adapter alone, or the adapter merged into its base."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Literal

from peft import PeftModel
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from transformers import AutoConfig

from dpojob_trainer.training.adapters.loading import TRAINED_ADAPTER
from dpojob_trainer.training.adapters.merge_check import InexactMergeError
from dpojob_trainer.training.adapters.merging import merge_adapter
from dpojob_trainer.training.setup.model_source import ModelLocation
from dpojob_trainer.training.setup.train_job import TrainJob
from dpojob_trainer.training.sharding import gather_model, is_sharded

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
    weights = gather_model(model, keep=writes) if is_sharded(model) else None
    if not writes:
        return "model" if job.spec.output.merge else "adapter"
    adapter_config = model.peft_config[TRAINED_ADAPTER]
    adapter_config.base_model_name_or_path, adapter_config.revision = start.name, start.revision
    # Otherwise PEFT would look for the base model to see whether tokens were added to it.
    base = AutoConfig.from_pretrained(start.model, trust_remote_code=False).get_text_config()
    resized = model.get_input_embeddings().weight.shape[0] != base.vocab_size
    model.save_pretrained(
        directory,
        selected_adapters=[TRAINED_ADAPTER],
        save_embedding_layers=resized,
        state_dict=weights,
    )
    tokenizer.save_pretrained(directory)
    if not job.spec.output.merge:
        return "adapter"
    try:
        _replace_by_merged(directory, start)
    except InexactMergeError as error:
        shutil.rmtree(directory / MERGED_DIRECTORY)
        notes.append(
            f"output.merge: the merged model's outputs would be {error.difference:.2g} apart from the "
            "adapter's on its base, so the adapter is kept as it is"
        )
        return "adapter"
    return "model"


def _replace_by_merged(directory: Path, start: ModelLocation) -> None:
    """Replace the adapter in `directory` by the base model with the adapter merged.

    The base is read from its files, since the one in training may be quantised. Raises InexactMergeError.
    """
    merged = directory / MERGED_DIRECTORY
    merge_adapter(start.model, directory, merged)
    for name in (SAFETENSORS_WEIGHTS_NAME, "adapter_config.json"):
        (directory / name).unlink()
    for path in merged.iterdir():
        path.rename(directory / path.name)
    merged.rmdir()
