"""Fields of DPOConfig that users may set as arguments, described for `kubectl explain`.

A field of a new TRL is in none of ALLOWED, RESERVED and REFUSED, and a test fails until a developer has
decided where it belongs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

ALLOWED: Mapping[str, str] = {
    "accelerator_config": "Options of Accelerate's data loaders, such as {even_batches: false}.",
    "activation_checkpointing_kwargs": "Options of activation checkpointing, where the plan uses it.",
    "activation_offloading": "Keep activations in the host's memory; needs a GPU.",
    "adam_beta1": "Decay of Adam's first moment, 0 to 1.",
    "adam_beta2": "Decay of Adam's second moment, 0 to 1.",
    "adam_epsilon": "Small number that keeps Adam's division stable.",
    "auto_find_batch_size": "Halve the batch after an out-of-memory error.",
    "average_tokens_across_devices": "Average the loss over the tokens of all GPUs.",
    "batch_eval_metrics": "Compute metrics batch by batch, to save memory.",
    "bf16_full_eval": "Evaluate in bf16 throughout.",
    "data_seed": "Seed of the order of the pairs. Default: training.seed.",
    "dataloader_drop_last": "Leave out the last batch when it is not full.",
    "dataloader_in_order": "Keep the order of batches with several workers.",
    "dataloader_multiprocessing_context": "How worker processes start.",
    "dataloader_num_workers": "Processes that load pairs; 0: the training process itself.",
    "dataloader_persistent_workers": "Keep worker processes between epochs; needs workers.",
    "dataloader_pin_memory": "Load batches into pinned memory.",
    "dataloader_prefetch_factor": "Batches that each worker loads ahead; needs workers.",
    "dataset_num_proc": "Processes that prepare the dataset.",
    "ddp_backend": "Communication backend over several GPUs. Default: by device.",
    "ddp_broadcast_buffers": "Broadcast buffers in each forward pass over several GPUs.",
    "ddp_bucket_cap_mb": "Size of the gradient buckets over several GPUs, MiB.",
    "ddp_find_unused_parameters": "Look for parameters without gradient over several GPUs.",
    "ddp_static_graph": "Promise that the graph never changes over several GPUs.",
    "ddp_timeout": "Longest wait for another process, seconds.",
    "debug": "Debug modes of the Trainer, such as underflow_overflow.",
    "disable_dropout": "Turn dropout off in model and reference.",
    "disable_tqdm": "Show no progress bars. Default: true.",
    "discopop_tau": "Temperature of the loss discopop, above 0.",
    "do_eval": "Evaluate; follows eval_strategy.",
    "eval_accumulation_steps": "Batches of predictions kept on the GPU. Default: all.",
    "eval_delay": "Steps or epochs before the first evaluation.",
    "eval_do_concat_batches": "Concatenate the outputs of an evaluation.",
    "eval_on_start": "Evaluate once before training.",
    "eval_steps": "Optimizer steps between evaluations, or a share below 1. Default: planned.",
    "eval_strategy": "When to evaluate. Default: steps, with pairs to evaluate on.",
    "eval_use_gather_object": "Gather nested objects from all processes.",
    "f_alpha_divergence_coef": "Alpha of f_divergence_type alpha_divergence.",
    "f_divergence_type": "Divergence that keeps the model near its reference.",
    "fp16_full_eval": "Evaluate in fp16 throughout.",
    "full_determinism": "Use only deterministic algorithms; slower.",
    "gradient_checkpointing_kwargs": "Options of gradient checkpointing, where the plan uses it.",
    "greater_is_better": "Whether a larger metric_for_best_model is better. Default: by metric.",
    "hub_private_repo": "Push to a private repository.",
    "include_for_metrics": "Further inputs for metrics, such as loss.",
    "include_num_input_tokens_seen": "Count tokens: all, non_padding or no.",
    "label_names": "Names of the label columns.",
    "label_smoothing": "Probability that a preference is flipped; below 0.5 for the loss robust.",
    "label_smoothing_factor": "Label smoothing of the Trainer; TRL's losses use label_smoothing.",
    "ld_alpha": "Weight of the tokens beyond the shorter answer's length, 0 to 1. Default: as 1.",
    "load_best_model_at_end": "End with the best evaluated weights. Default: true, with evaluations.",
    "log_level": "Log level of the first process.",
    "log_level_replica": "Log level of the other processes.",
    "log_on_each_node": "Log at log_level on every node.",
    "logging_first_step": "Log the first step. Default: true.",
    "logging_nan_inf_filter": "Leave NaN out of logged losses. Default: false.",
    "logging_steps": "Optimizer steps between logs, or a share below 1. Default: planned.",
    "logging_strategy": "When to log.",
    "loss_type": "Loss, or several that are added up.",
    "loss_weights": "One weight for each loss of loss_type. Default: 1 each.",
    "lr_scheduler_kwargs": "Options of the learning rate schedule; each schedule has its own.",
    "lr_scheduler_type": "Learning rate schedule.",
    "max_grad_norm": "Gradients are clipped to this norm; 0: never.",
    "max_steps": "Optimizer steps in all; -1: by training.epochs.",
    "metric_for_best_model": "Metric that selects the best weights. Default: eval_loss.",
    "model_init_kwargs": "Fields of the model's config and attn_implementation, for from_pretrained.",
    "neftune_noise_alpha": "Noise added to embeddings (NEFTune). Default: none.",
    "optim": "Optimizer.",
    "optim_args": "Options of the optimizer, as name=value,name=value.",
    "optim_target_modules": "Modules that optimizers such as GaLore work on.",
    "pad_to_multiple_of": "Pad to a multiple of this number of tokens, or auto.",
    "pad_token": "Token to pad with; must be in the tokenizer. Default: the model's.",
    "per_device_eval_batch_size": "Pairs per GPU in an evaluation. Default: planned.",
    "precompute_ref_batch_size": "Pairs per GPU when the reference is computed ahead. Default: planned.",
    "prediction_loss_only": "Compute nothing but the loss in evaluations.",
    "project": "Project name for trackers.",
    "ref_model_mixup_alpha": "Share of the model in each update of the reference, 0 to 1.",
    "ref_model_sync_steps": "Optimizer steps between updates of the reference.",
    "remove_unused_columns": "Drop columns that the model does not take.",
    "report_to": "Trackers: tensorboard, trackio, mlflow, wandb, or none. Default: none.",
    "router_aux_loss_coef": "Weight of the load balancing loss of mixture-of-experts models.",
    "run_name": "Name of the run for trackers. Default: the job's name.",
    "save_on_each_node": "Save checkpoints on every node.",
    "save_steps": "Optimizer steps between checkpoints, or a share below 1. Default: planned.",
    "save_strategy": "When to save checkpoints. Default: as eval_strategy.",
    "save_total_limit": "Checkpoints to keep. Default: 2.",
    "skip_memory_metrics": "Report no memory metrics.",
    "sync_ref_model": "Update the reference towards the model; full fine-tuning only.",
    "tf32": "Use TF32 in matrix products. Default: PyTorch's.",
    "torch_compile": "Compile the model; needs a C++ compiler in the image.",
    "torch_compile_backend": "Backend of torch_compile.",
    "torch_compile_mode": "Mode of torch_compile.",
    "torch_empty_cache_steps": "Steps between emptying the GPU's cache. Default: never.",
    "trackio_bucket_id": "Bucket on the hub for trackio's data.",
    "trackio_space_id": "Space on the hub for trackio.",
    "trackio_static_space_id": "Static Space on the hub for trackio.",
    "train_sampling_strategy": "Order of the pairs: random or sequential.",
    "truncation_mode": "Which end of a pair that is too long is kept.",
    "use_cache": "Keep the key-value cache in training.",
    "use_weighting": "Weight pairs by their probability (WPO).",
    "warmup_steps": "Optimizer steps of warmup, or a share below 1.",
    "weight_decay": "Weight decay.",
}
"""Name to description; the schema adds TRL's default where the description has none."""


class Bounds(NamedTuple):
    """Limits of a number."""

    minimum: float
    maximum: float | None = None
    above_minimum: bool = False
    """Whether the minimum itself is excluded."""

    def allow(self, value: float) -> bool:
        """Determine whether a number is within the limits.

        Args:
            value: The number.

        Returns:
            Whether it is.
        """
        low = value > self.minimum if self.above_minimum else value >= self.minimum
        return low and (self.maximum is None or value <= self.maximum)

    def __str__(self) -> str:
        if self.maximum is not None:
            return f"from {self.minimum:g} to {self.maximum:g}"
        return f"{'above' if self.above_minimum else 'at least'} {self.minimum:g}"


BOUNDS: Mapping[str, Bounds] = {
    "discopop_tau": Bounds(0, above_minimum=True),
    "label_smoothing": Bounds(0, 1),
    "ld_alpha": Bounds(0, 1),
}
"""Limits that the losses need (trl.trainer.dpo_trainer) and that DPOConfig does not check."""

OTHER_LOSSES: Mapping[str, str] = {
    "simpo": "SimPO has no reference model and is a loss of TRL's CPOTrainer; with a reference, "
    "sigmoid_norm also divides by the answers' lengths",
    "cpo": "CPO has no reference model and is trained by TRL's CPOTrainer",
    "orpo": "ORPO has no reference model and is trained by TRL's ORPOTrainer",
    "kto": "KTO learns from single answers and is trained by TRL's KTOTrainer; for pairs, write sigmoid",
    "kto_pair": "KTO learns from single answers and is trained by TRL's KTOTrainer; for pairs, write sigmoid",
    "dpo": "the loss of DPO is called sigmoid",
}
"""Losses of other trainers and other names of losses, with what to write instead."""
