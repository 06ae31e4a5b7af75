"""The model that is trained, its reference and its tokenizer, as the plan's method wants them."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from dpojob_api.conditions import Reason
from dpojob_api.shared_training_constants import cpu_uses_eager_attention
from dpojob_trainer.inspection import FALLBACK_CHAT_TEMPLATE

from .adapter import merged, put_on
from .argument_errors import at_fault
from .errors import Failure
from .model_source import Start
from .precision import Precisions
from .train_job import TrainJob


@dataclass
class Loaded:
    """What DPOTrainer is given."""

    model: Any
    tokenizer: Any
    reference: Any = None
    """A model of its own, only where TRL would make a wrong one."""
    lora: LoraConfig | None = None
    """The adapter TRL is to add; None where there is one already, or none is wanted."""
    notes: list[str] = field(default_factory=list)


def load(job: TrainJob, start: Start, precisions: Precisions) -> Loaded:
    """Load from `start`. Raises Failure where the method cannot be had."""
    method = job.plan.method
    tokenizer = AutoTokenizer.from_pretrained(start.tokenizer or start.model)
    loaded = Loaded(None, tokenizer)
    if job.report.format == "conversational" and not tokenizer.chat_template:
        # The one inspection counted the tokens with; TRL has none of its own.
        tokenizer.chat_template = FALLBACK_CHAT_TEMPLATE
        loaded.notes.append("the tokenizer has no chat template; a plain one was given to it")
    if precisions.note:
        loaded.notes.append(precisions.note)
    quantization = _four_bits(precisions) if method == "qlora" else None
    loaded.model = _weights(job, start, precisions, quantization)
    if start.adapter is None:
        if method != "full":
            loaded.lora = lora_config(job)
        return loaded
    if method == "full":
        # TRL would load its reference from the base's path, without the adapter, and the run would
        # begin with a margin that nobody trained. Merged twice, both begin as the adapter left them.
        # Merging leaves every weight frozen, as PEFT froze the base.
        loaded.model = merged(loaded.model, start.adapter).requires_grad_(True)
        if not job.plan.precompute_reference:
            loaded.reference = merged(_weights(job, start, precisions, None), start.adapter)
        loaded.notes.append("the adapter was merged into its base before full fine-tuning")
    else:
        # TRL copies the adapter to a frozen one, which is the reference.
        loaded.model = put_on(loaded.model, start.adapter, trainable=True)
        rank = loaded.model.peft_config["default"].r
        loaded.notes.append(f"training goes on with the adapter it starts from, of rank {rank}")
    return loaded


def lora_config(job: TrainJob) -> LoraConfig:
    """A fresh adapter on every linear layer, the output embedding left out."""
    lora = job.spec.training.lora
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _four_bits(precisions: Precisions) -> BitsAndBytesConfig:
    if find_spec("bitsandbytes") is None:
        raise Failure.user(
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
    job: TrainJob, start: Start, precisions: Precisions, quantization: BitsAndBytesConfig | None
) -> Any:
    asked = job.spec.training.arguments.get("model_init_kwargs") or {}
    options = {**asked, "dtype": precisions.weights}
    if not torch.cuda.is_available() and cpu_uses_eager_attention(job.plan.max_length):
        options.setdefault("attn_implementation", "eager")
    if quantization is not None:
        options["quantization_config"] = quantization
    try:
        with at_fault({f"model_init_kwargs.{name}": asked[name] for name in asked}):
            found = AutoModelForCausalLM.from_pretrained(start.model, **options)
    except OSError as error:
        raise Failure(Reason.MODEL_UNREADABLE, f"the model cannot be loaded: {error}") from error
    if quantization is not None and not torch.cuda.is_available():
        for module in found.modules():
            if hasattr(module, "support_avx512bf16_for_cpu"):
                # bitsandbytes would repack the weights for inference at the first evaluation, and
                # training would go on with those.
                module.support_avx512bf16_for_cpu = False
    return found
