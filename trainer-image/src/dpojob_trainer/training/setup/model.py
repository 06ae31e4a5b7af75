"""The model to train, its reference model and its tokenizer, loaded for the plan's method."""

from __future__ import annotations

import copy
import shutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import enable_fsdp_ram_efficient_loading
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from dpojob_api.conditions import Reason
from dpojob_api.shared_training_constants import cpu_uses_eager_attention
from dpojob_trainer.shared.rows.messages import FALLBACK_CHAT_TEMPLATE
from dpojob_trainer.training.adapters.loading import TRAINED_ADAPTER, load_adapter
from dpojob_trainer.training.adapters.merge_check import InexactMergeError
from dpojob_trainer.training.adapters.merging import merge_adapter
from dpojob_trainer.training.adapters.placeholders import replace_by_placeholders

from .argument_errors import as_argument_error
from .errors import TrainingError
from .model_source import ModelLocation
from .precision import Precisions, quantization_config
from .train_job import TrainJob

MERGED_START = "merged-start-"
"""Prefix of a directory, with the job's key: the model that full fine-tuning starts from, where that is an
adapter on a base."""


@dataclass
class LoadedModel:
    """The models and the tokenizer for DPOTrainer."""

    model: Any
    tokenizer: Any
    reference: Any = None
    """The reference model; None where TRL has it otherwise: precomputed on one GPU, or adapters off."""
    lora: LoraConfig | None = None
    """The adapter that TRL adds; None where the model has one already, or none is trained."""
    notes: list[str] = field(default_factory=list)


def load_model(job: TrainJob, start: ModelLocation, precisions: Precisions) -> LoadedModel:
    """Load from `start`. Raises TrainingError where the plan's method is not possible here."""
    method = job.plan.method
    tokenizer = AutoTokenizer.from_pretrained(
        start.tokenizer or start.model, trust_remote_code=False
    )
    loaded = LoadedModel(None, tokenizer)
    if job.report.format == "conversational" and not tokenizer.chat_template:
        # Inspection counted tokens with the same one; TRL has no default.
        tokenizer.chat_template = FALLBACK_CHAT_TEMPLATE
        loaded.notes.append("the tokenizer has no chat template; a plain one was given to it")
    if precisions.note:
        loaded.notes.append(precisions.note)
    quantization = _checked_quantization(precisions) if method == "qlora" else None
    if method == "full":
        _load_whole(job, start, precisions, loaded)
        return loaded
    loaded.model = _weights(job, start.model, precisions, quantization)
    if start.adapter is None:
        loaded.lora = lora_config(job)
        return loaded
    # TRL copies the adapter to a frozen one, which is the reference.
    loaded.model = load_adapter(loaded.model, start.adapter, trainable=True)
    rank = loaded.model.peft_config[TRAINED_ADAPTER].r
    loaded.notes.append(f"training goes on with the adapter it starts from, of rank {rank}")
    return loaded


def _load_whole(
    job: TrainJob, start: ModelLocation, precisions: Precisions, loaded: LoadedModel
) -> None:
    """Load the model for full fine-tuning, and a reference to compare it with."""
    directory = start.model
    if start.adapter is not None:
        # From the merged files, TRL's reference begins equal to the model too.
        directory = _merged_start(job, start.model, start.adapter, precisions.weights)
        loaded.notes.append("the adapter was merged into its base before full fine-tuning")
    loaded.model = _weights(job, directory, precisions, None)
    if job.plan.sharded:
        # TRL would load it whole in every process, also where it is used only to precompute.
        loaded.reference = _copy_sharing_weights(loaded.model)
    elif not job.plan.precompute_reference:
        # Quicker than reading the files again.
        loaded.reference = copy.deepcopy(loaded.model)


def _copy_sharing_weights(model: Any) -> Any:
    """A frozen copy of a model that is to be sharded: sharding copies the weights, which are shared until then."""
    weights = {
        id(weight): torch.nn.Parameter(weight.detach(), requires_grad=False)
        for weight in model.parameters()
    }
    return copy.deepcopy(model, weights)


def _merged_start(job: TrainJob, base: Path, adapter: Path, dtype: torch.dtype) -> Path:
    """The directory of the model with the adapter merged, on the scratch volume of this node."""
    directory = job.scratch / f"{MERGED_START}{job.key}"
    with PartialState().local_main_process_first():
        if directory.is_dir():
            return directory
        part = directory.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            merge_adapter(base, adapter, part, dtype=dtype)
        except InexactMergeError as error:
            raise TrainingError(
                Reason.MODEL_UNREADABLE,
                f"the adapter cannot be merged into its base before full fine-tuning: {error}. Set "
                "training.method: lora to go on with the adapter.",
            ) from error
        part.rename(directory)
    return directory


def lora_config(job: TrainJob) -> LoraConfig:
    """A new adapter on every linear layer except the output embedding."""
    lora = job.spec.training.lora
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _checked_quantization(precisions: Precisions) -> BitsAndBytesConfig:
    if find_spec("bitsandbytes") is None:
        raise TrainingError.invalid_spec(
            "the plan says qlora, and bitsandbytes is not installed here; install dpojob-trainer[gpu], or "
            "set training.method to lora"
        )
    return quantization_config(precisions.weights)


def _weights(
    job: TrainJob,
    directory: Path,
    precisions: Precisions,
    quantization: BitsAndBytesConfig | None,
) -> Any:
    """The model's weights, in the type in which they are used.

    They are read straight to the device. A model that is to be sharded is read into the main memory of one
    process per node; the others have placeholders, until the first process of all sends each its part.
    """
    arguments = job.spec.training.arguments.get("model_init_kwargs") or {}
    # Without an answer about a model's own code, transformers would ask on the terminal whether to run it.
    options = {**arguments, "dtype": precisions.weights, "trust_remote_code": False}
    if not torch.cuda.is_available() and cpu_uses_eager_attention(job.plan.max_length):
        options.setdefault("attn_implementation", "eager")
    if quantization is not None:
        options["quantization_config"] = quantization
    if not job.plan.sharded:
        options["device_map"] = {"": PartialState().device}
    elif quantization is None:
        # transformers then computes buffers that are not in the files, also where the weights are on the meta
        # device.
        enable_fsdp_ram_efficient_loading()
    waits = job.plan.sharded and quantization is None and PartialState().local_process_index > 0
    if waits:
        options["device_map"] = {"": "meta"}
    try:
        with as_argument_error(
            {f"model_init_kwargs.{name}": arguments[name] for name in arguments}
        ):
            found = AutoModelForCausalLM.from_pretrained(directory, **options)
    except OSError as error:
        raise TrainingError(
            Reason.MODEL_UNREADABLE, f"the model cannot be loaded: {error}"
        ) from error
    if waits:
        replace_by_placeholders(found)
    if quantization is not None and not torch.cuda.is_available():
        for module in found.modules():
            if hasattr(module, "support_avx512bf16_for_cpu"):
                # bitsandbytes would repack the weights for inference at the first evaluation, and
                # training would continue with the repacked ones.
                module.support_avx512bf16_for_cpu = False
    return found
