"""Fields of DPOConfig that are not the user's to set as arguments, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping

OWNED: Mapping[str, str] = {
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
    "bf16": "hardware.pool (the plan takes the precision its GPU has)",
    "fp16": "hardware.pool (the plan takes the precision its GPU has)",
    "use_cpu": "hardware.pool",
    "gradient_checkpointing": "nothing: the plan decides it by memory",
    "precompute_ref_log_probs": "nothing: the plan decides it by memory",
    "resume_from_checkpoint": "nothing: a job resumes from its own newest checkpoint",
    "enable_jit_checkpoint": "nothing: the trainer saves a checkpoint when it is stopped",
    "do_train": "validateOnly",
    "local_rank": "hardware.gpus",
    "trust_remote_code": "nothing: code from a repository is never run",
    "parallelism_config": "hardware.gpus and hardware.nodes",
}
"""To the field of the spec that says it."""

REMOVED: Mapping[str, str] = {
    "max_prompt_length": "training.maxLength; TRL cuts prompt and answer together",
    "max_completion_length": "training.maxLength; TRL cuts prompt and answer together",
    "max_target_length": "training.maxLength; TRL cuts prompt and answer together",
    "max_steps_per_epoch": "max_steps",
    "generate_during_eval": "samples.everySteps",
    "label_pad_token_id": "nothing; TRL masks by position now",
    "padding_value": "pad_token",
    "reference_free": "nothing; TRL has no reference-free DPO any more",
    "rpo_alpha": "loss_type: [sigmoid, sft] with loss_weights: [1.0, ALPHA]",
    "use_liger_loss": "model_init_kwargs: {use_kernels: true}",
    "use_liger_kernel": "model_init_kwargs: {use_kernels: true}",
    "ref_model_init_kwargs": "model_init_kwargs; the reference is loaded like the model",
    "model_adapter_name": "training.method; the plan sets up adapter and reference",
    "ref_adapter_name": "training.method; the plan sets up adapter and reference",
    "force_use_ref_model": "nothing; the plan sets up the reference",
    "base_model_attribute_name": "nothing; it is no longer needed",
    "tools": "columnMapping.tools",
    "use_logits_to_keep": "nothing; TRL does it always",
    "is_encoder_decoder": "nothing; encoder-decoder models are not supported",
    "dataset_kwargs": "nothing; the trainer prepares the dataset",
    "warmup_ratio": "warmup_steps, below 1 as a share: warmup_steps: 0.1",
    "overwrite_output_dir": "nothing; an occupied output directory is refused",
    "no_cuda": "hardware.pool",
    "group_by_length": "train_sampling_strategy: group_by_length",
    "save_safetensors": "nothing; it is always so",
    "evaluation_strategy": "eval_strategy",
    "per_gpu_train_batch_size": "training.batchSize",
    "fp16_opt_level": "hardware.pool",
    "logging_dir": "report_to, and the tracker's own variables in environmentSecret",
    "push_to_hub_model_id": "output.push",
    "push_to_hub_token": "hubTokenSecret",
    "jit_mode_eval": "torch_compile",
    "tpu_num_cores": "nothing; TPUs are not supported",
}
"""Fields that older versions of TRL or transformers had, to what says it now."""
