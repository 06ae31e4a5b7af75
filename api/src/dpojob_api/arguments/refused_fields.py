"""Fields of DPOConfig that users cannot set as arguments, and what to write instead.

Also names that older versions had: the CRD has them as fields that no value satisfies, so that
`kubectl apply` names the replacement. A name that the CRD does not have is only called unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

RESERVED: Mapping[str, str] = {
    "num_train_epochs": "training.epochs",
    "learning_rate": "training.learningRate",
    "beta": "training.beta",
    "max_length": "training.maxLength",
    "seed": "training.seed",
    "per_device_train_batch_size": "training.batchSize (the plan divides it over GPUs)",
    "gradient_accumulation_steps": "training.batchSize (the plan divides it over GPUs)",
    "output_dir": "output.volume",
    "push_to_hub": "output.push",
    "hub_model_id": "output.push",
    "hub_token": "hubTokenSecret",
    "hub_strategy": "nothing: output.push uploads the finished model, once",
    "hub_always_push": "nothing: output.push uploads the finished model, once",
    "hub_revision": "nothing: output.push uploads to the repository's main branch",
    "bf16": "hardware.pool (the plan takes the precision its GPU has)",
    "fp16": "hardware.pool (the plan takes the precision its GPU has)",
    "use_cpu": "hardware.pool",
    "gradient_checkpointing": "nothing: the plan decides it by memory",
    "activation_checkpointing": "nothing: the plan decides it by memory",
    "precompute_ref_log_probs": "nothing: the plan decides it by memory",
    "resume_from_checkpoint": "nothing: a job resumes from its own newest checkpoint",
    "enable_jit_checkpoint": "nothing: the trainer saves a checkpoint when it is stopped",
    "save_only_model": "nothing: training cannot be resumed from a checkpoint without the optimizer's state",
    "ignore_data_skip": "nothing: a job goes on with the pairs it had not seen yet",
    "restore_callback_states_from_checkpoint": "nothing: early stopping goes on counting where it was",
    "do_train": "validateOnly",
    "local_rank": "hardware.gpus",
    "trust_remote_code": "nothing: code from a repository is never run",
    "parallelism_config": "hardware.gpus and hardware.nodes",
    "deepspeed": "hardware.gpus (the plan shards with FSDP where memory needs it)",
    "fsdp": "hardware.gpus (the plan shards with FSDP where memory needs it)",
    "fsdp_config": "hardware.gpus (the plan shards with FSDP where memory needs it)",
}
"""Fields that are not the user's, each with the field of the spec to use instead."""

REFUSED: Mapping[str, str] = {
    "padding_free": "TRL ignores it at present and pads all the same",
    "use_liger_kernel": "it needs the package liger-kernel, which the training image has not, and TRL will "
    "remove it; TRL's LM head computes the loss in chunks without it",
    "liger_kernel_config": "it configures use_liger_kernel, which is not available either",
    "do_predict": "a job evaluates and does not predict",
    "length_column_name": "pairs are not grouped by their length",
}
"""Fields that DPOConfig has and that cannot have an effect here, each with the reason."""


class Removed(NamedTuple):
    """A field that older versions had."""

    type: str
    """Its type in the CRD's schema, so that usual values reach the rule that names the replacement."""
    instead: str
    """What to write instead."""


REMOVED: Mapping[str, Removed] = {
    "max_prompt_length": Removed(
        "integer", "training.maxLength; TRL cuts prompt and answer together"
    ),
    "max_completion_length": Removed(
        "integer", "training.maxLength; TRL cuts prompt and answer together"
    ),
    "max_target_length": Removed(
        "integer", "training.maxLength; TRL cuts prompt and answer together"
    ),
    "max_steps_per_epoch": Removed("integer", "max_steps"),
    "generate_during_eval": Removed("boolean", "samples.everySteps"),
    "label_pad_token_id": Removed("integer", "nothing; TRL masks by position now"),
    "padding_value": Removed("integer", "pad_token"),
    "reference_free": Removed("boolean", "nothing; TRL has no reference-free DPO any more"),
    "rpo_alpha": Removed("number", "loss_type: [sigmoid, sft] with loss_weights: [1.0, ALPHA]"),
    "use_liger_loss": Removed("boolean", "nothing; TRL computes its loss in chunks anyway"),
    "ref_model_init_kwargs": Removed(
        "object", "model_init_kwargs; the reference is loaded like the model"
    ),
    "model_adapter_name": Removed(
        "string", "training.method; the plan sets up adapter and reference"
    ),
    "ref_adapter_name": Removed(
        "string", "training.method; the plan sets up adapter and reference"
    ),
    "force_use_ref_model": Removed("boolean", "nothing; the plan sets up the reference"),
    "base_model_attribute_name": Removed("string", "nothing; it is no longer needed"),
    "tools": Removed("object", "columnMapping.tools"),
    "use_logits_to_keep": Removed("boolean", "nothing; TRL does it always"),
    "is_encoder_decoder": Removed("boolean", "nothing; encoder-decoder models are not supported"),
    "dataset_kwargs": Removed("object", "nothing; the trainer prepares the dataset"),
    "warmup_ratio": Removed("number", "warmup_steps, below 1 as a share: warmup_steps: 0.1"),
    "overwrite_output_dir": Removed("boolean", "nothing; an occupied output directory is refused"),
    "no_cuda": Removed("boolean", "hardware.pool"),
    "group_by_length": Removed("boolean", "nothing; TRL keeps no lengths to group pairs by"),
    "save_safetensors": Removed("boolean", "nothing; it is always so"),
    "evaluation_strategy": Removed("string", "eval_strategy"),
    "per_gpu_train_batch_size": Removed("integer", "training.batchSize"),
    "fp16_opt_level": Removed("string", "hardware.pool"),
    "logging_dir": Removed(
        "string", "report_to, and the tracker's own variables in environmentSecret"
    ),
    "push_to_hub_model_id": Removed("string", "output.push"),
    "push_to_hub_token": Removed("string", "hubTokenSecret"),
    "jit_mode_eval": Removed("boolean", "torch_compile"),
    "tpu_num_cores": Removed("integer", "nothing; TPUs are not supported"),
}
"""Fields that older versions of TRL or transformers had, each with its replacement."""
