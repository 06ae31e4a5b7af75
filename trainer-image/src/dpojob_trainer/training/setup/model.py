"""The model to train, its reference model and its tokenizer, loaded for the plan's method."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from dpojob_api.conditions import Reason
from dpojob_api.shared_training_constants import cpu_uses_eager_attention
from dpojob_trainer.shared.messages import FALLBACK_CHAT_TEMPLATE

from .adapter import load_adapter, merge_adapter
from .argument_errors import as_argument_error
from .errors import TrainingError
from .model_source import ModelLocation
from .precision import Precisions
from .train_job import TrainJob


@dataclass
class LoadedModel:
    """The models and the tokenizer for DPOTrainer."""

    model: Any
    tokenizer: Any
    reference: Any = None
    """A reference model, only where TRL would build a wrong one."""
    lora: LoraConfig | None = None
    """The adapter that TRL adds; None where the model has one already, or none is trained."""
    notes: list[str] = field(default_factory=list)


def load_model(job: TrainJob, start: ModelLocation, precisions: Precisions) -> LoadedModel:
    """Load from `start`. Raises TrainingError where the plan's method is not possible here."""
    method = job.plan.method
    tokenizer = AutoTokenizer.from_pretrained(start.tokenizer or start.model)
    loaded = LoadedModel(None, tokenizer)
    if job.report.format == "conversational" and not tokenizer.chat_template:
        # Inspection counted tokens with the same one; TRL has no default.
        tokenizer.chat_template = FALLBACK_CHAT_TEMPLATE
        loaded.notes.append("the tokenizer has no chat template; a plain one was given to it")
    if precisions.note:
        loaded.notes.append(precisions.note)
    quantization = _quantization_config(precisions) if method == "qlora" else None
    loaded.model = _weights(job, start, precisions, quantization)
    if start.adapter is None:
        if method != "full":
            loaded.lora = lora_config(job)
        return loaded
    if method == "full":
        # TRL would load its reference from the base's path, without the adapter, and the run would
        # begin with a margin that it did not train. With two merged models both begin equal.
        # Merging leaves every weight frozen, as PEFT froze the base.
        loaded.model = merge_adapter(loaded.model, start.adapter).requires_grad_(True)
        if not job.plan.precompute_reference:
            loaded.reference = merge_adapter(_weights(job, start, precisions, None), start.adapter)
        loaded.notes.append("the adapter was merged into its base before full fine-tuning")
    else:
        # TRL copies the adapter to a frozen one, which is the reference.
        loaded.model = load_adapter(loaded.model, start.adapter, trainable=True)
        rank = loaded.model.peft_config["default"].r
        loaded.notes.append(f"training goes on with the adapter it starts from, of rank {rank}")
    return loaded


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


def _quantization_config(precisions: Precisions) -> BitsAndBytesConfig:
    if find_spec("bitsandbytes") is None:
        raise TrainingError.invalid_spec(
            "the plan says qlora, and bitsandbytes is not installed here; install dpojob-trainer[gpu], or "
            "set training.method to lora"
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=precisions.weights,
        bnb_4bit_quant_storage=precisions.weights,
    )


def _weights(
    job: TrainJob,
    start: ModelLocation,
    precisions: Precisions,
    quantization: BitsAndBytesConfig | None,
) -> Any:
    arguments = job.spec.training.arguments.get("model_init_kwargs") or {}
    options = {**arguments, "dtype": precisions.weights}
    if not torch.cuda.is_available() and cpu_uses_eager_attention(job.plan.max_length):
        options.setdefault("attn_implementation", "eager")
    if quantization is not None:
        options["quantization_config"] = quantization
    try:
        with as_argument_error(
            {f"model_init_kwargs.{name}": arguments[name] for name in arguments}
        ):
            found = AutoModelForCausalLM.from_pretrained(start.model, **options)
    except OSError as error:
        raise TrainingError(
            Reason.MODEL_UNREADABLE, f"the model cannot be loaded: {error}"
        ) from error
    if quantization is not None and not torch.cuda.is_available():
        for module in found.modules():
            if hasattr(module, "support_avx512bf16_for_cpu"):
                # bitsandbytes would repack the weights for inference at the first evaluation, and
                # training would continue with the repacked ones.
                module.support_avx512bf16_for_cpu = False
    return found
