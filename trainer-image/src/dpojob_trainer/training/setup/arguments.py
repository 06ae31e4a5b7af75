"""DPOConfig from the plan and the spec."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from trl import DPOConfig

from dpojob_api.conditions import Reason
from dpojob_api.shared_training_constants import reference_batch_size
from dpojob_trainer.inspection import check_arguments

from .argument_errors import as_argument_error
from .errors import TrainingError
from .eval_save_schedule import eval_save_schedule
from .precision import Precisions
from .train_job import TrainJob

LOGGED_POINTS = 2000
"""About the highest number of points on a curve."""
LOWER_IS_BETTER = ("loss", "aux_loss", "rewards/rejected", "logps/rejected", "logits/rejected")
"""Evaluation metrics that are better when lower; transformers assumes that of losses only."""


WIN_RATE = "eval_win_rate"
"""The metric that evaluation.everyEval adds to evaluations."""


@dataclass(frozen=True)
class Schedule:
    """Optimizer steps of the run, and the steps between evaluations and between log records."""

    steps: int
    evaluate_every: int
    log_every: int


def plan_schedule(job: TrainJob, train_rows: int) -> Schedule:
    """The schedule for the rows that training really has."""
    training = job.spec.training
    plan = job.plan
    rows_per_batch = plan.per_device_batch_size * plan.gpus
    batches = math.ceil(train_rows / rows_per_batch)
    if training.arguments.get("dataloader_drop_last"):
        batches = train_rows // rows_per_batch
        if not batches:
            raise TrainingError(
                Reason.INVALID_ARGUMENTS,
                f"training.arguments: dataloader_drop_last drops every pair: there are {train_rows}, and "
                f"a batch is {rows_per_batch}. Leave it out, or lower training.batchSize.",
            )
    per_epoch = math.ceil(batches / plan.gradient_accumulation)
    steps = int(training.arguments.get("max_steps") or 0)
    if steps <= 0:
        steps = max(1, math.ceil(training.epochs * per_epoch))
    return Schedule(
        steps=steps,
        # Without evaluations in the plan there are no pairs to evaluate on, and the number is not used.
        evaluate_every=max(1, math.ceil(steps / max(1, plan.estimate.evaluations))),
        log_every=max(1, math.ceil(steps / LOGGED_POINTS)),
    )


def judges_checkpoints(job: TrainJob) -> bool:
    """Whether evaluation.everyEval judges the checkpoints: one process trains, and pairs are held out."""
    spec = job.spec.evaluation
    return spec is not None and spec.every_eval and job.plan.gpus == 1 and job.report.eval_rows > 0


def _best_metric(job: TrainJob) -> dict[str, Any]:
    """The metric that selects the best weights and its direction, unless the user sets that as well."""
    default = WIN_RATE if judges_checkpoints(job) else "eval_loss"
    metric = job.spec.training.arguments.get("metric_for_best_model") or default
    lower = metric.removeprefix("eval_") in LOWER_IS_BETTER
    return {"metric_for_best_model": metric, "greater_is_better": not lower}


def dpo_config(
    job: TrainJob, precisions: Precisions, schedule: Schedule, eval_rows: int
) -> DPOConfig:
    """The DPOConfig to train with. Raises TrainingError or InspectionError for wrong arguments."""
    training, plan = job.spec.training, job.plan
    check_arguments(job.spec)
    arguments = {k: v for k, v in training.arguments.items() if k != "model_init_kwargs"}
    if arguments.get("activation_offloading") and not torch.cuda.is_available():
        raise TrainingError(
            Reason.INVALID_ARGUMENTS,
            "training.arguments: activation_offloading moves activations out of a GPU's memory, and there "
            "is no GPU here: leave it out.",
        )
    evaluate: dict[str, Any] = {}
    if eval_rows:
        evaluate = {
            # At most the number of pairs: dataloader_drop_last would drop all of them.
            "per_device_eval_batch_size": max(
                1, min(plan.per_device_batch_size, eval_rows // plan.gpus)
            ),
            **_best_metric(job),
        }
    optimizer = {"optim": plan.optimizer} if plan.optimizer == "adamw_8bit" else {}
    shards: dict[str, Any] = {}
    if plan.sharded:
        # FSDP2, with a unit for each decoder layer. Quantised weights are in each process: bitsandbytes cannot
        # quantise on the meta device.
        shards = {
            "fsdp": True,
            "fsdp_config": {"cpu_ram_efficient_loading": plan.method != "qlora"},
        }
    fields: dict[str, Any] = {
        "output_dir": str(job.checkpoints),
        "num_train_epochs": training.epochs,
        "learning_rate": training.learning_rate,
        "beta": training.beta,
        "seed": training.seed,
        "max_length": plan.max_length,
        "per_device_train_batch_size": plan.per_device_batch_size,
        "gradient_accumulation_steps": plan.gradient_accumulation,
        "gradient_checkpointing": plan.gradient_checkpointing,
        "precompute_ref_log_probs": plan.precompute_reference,
        "precompute_ref_batch_size": reference_batch_size(
            plan.per_device_batch_size, checkpointing=plan.gradient_checkpointing
        ),
        # Every adapter is part of every forward. DDP would otherwise search the graph of each of them for weights
        # without a gradient, since the wrapped model is not one of transformers' own.
        "ddp_find_unused_parameters": None if plan.method == "full" else False,
        "bf16": precisions.compute == "bf16",
        "fp16": precisions.compute == "fp16",
        "logging_strategy": "steps",
        "logging_steps": schedule.log_every,
        "logging_first_step": True,
        # A NaN has to appear in the log.
        "logging_nan_inf_filter": False,
        # Early stopping continues its count after a resume.
        "restore_callback_states_from_checkpoint": True,
        "report_to": "none",
        "run_name": job.name,
        "use_cpu": not torch.cuda.is_available(),
        "disable_tqdm": True,
        **evaluate,
        **shards,
        **optimizer,
        **arguments,
        **eval_save_schedule(arguments, schedule.steps, schedule.evaluate_every, eval_rows > 0),
    }
    with as_argument_error(training.arguments):
        return DPOConfig(**fields)
