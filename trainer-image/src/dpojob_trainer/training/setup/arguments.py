"""DPOConfig from the plan and the spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from trl import DPOConfig

from dpojob_api.conditions import Reason
from dpojob_api.shared_training_constants import reference_batch_size
from dpojob_trainer.inspection.training_arguments import check_arguments

from .argument_errors import at_fault
from .errors import Failure
from .eval_save_schedule import rhythm
from .precision import Precisions
from .train_job import TrainJob

EVALUATIONS = 10
"""Evaluations, and checkpoints, over a run."""
EVALUATION_SHARE = 0.1
"""At most this share of the training work goes into evaluations."""
LOGGED_POINTS = 2000
"""At most about so many points on a curve."""
LOWER_IS_BETTER = ("loss", "aux_loss", "rewards/rejected", "logps/rejected", "logits/rejected")
"""Of the metrics that an evaluation gives; transformers knows it of losses only."""


@dataclass(frozen=True)
class Schedule:
    """Optimizer steps of the run, and how often what happens."""

    steps: int
    evaluate_every: int
    log_every: int


def schedule(job: TrainJob, train_rows: int, eval_rows: int) -> Schedule:
    """From the rows that are really there."""
    training = job.spec.training
    plan = job.plan
    at_once = plan.per_device_batch_size * plan.gpus
    micro = math.ceil(train_rows / at_once)
    if training.arguments.get("dataloader_drop_last"):
        micro = train_rows // at_once
        if not micro:
            raise Failure(
                Reason.INVALID_ARGUMENTS,
                f"training.arguments: dataloader_drop_last drops every pair: there are {train_rows}, and "
                f"a batch is {at_once}. Leave it out, or lower training.batchSize.",
            )
    per_epoch = math.ceil(micro / plan.gradient_accumulation)
    steps = int(training.arguments.get("max_steps") or 0)
    if steps <= 0:
        steps = max(1, math.ceil(training.epochs * per_epoch))
    evaluations = EVALUATIONS
    if eval_rows:
        # An evaluation is a forward pass, a third of a training step.
        affordable = EVALUATION_SHARE * 3 * steps * training.batch_size / eval_rows
        evaluations = max(2, min(EVALUATIONS, int(affordable)))
    return Schedule(
        steps=steps,
        evaluate_every=max(1, math.ceil(steps / evaluations)),
        log_every=max(1, math.ceil(steps / LOGGED_POINTS)),
    )


def _judged_by(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The metric by which the best weights are known, and which way, unless the user says that too."""
    metric = arguments.get("metric_for_best_model") or "eval_loss"
    lower = metric.removeprefix("eval_") in LOWER_IS_BETTER
    return {"metric_for_best_model": metric, "greater_is_better": not lower}


def config(
    job: TrainJob, precisions: Precisions, plan_of_steps: Schedule, eval_rows: int
) -> DPOConfig:
    """The DPOConfig to train with. Raises on arguments that cannot be."""
    training, plan = job.spec.training, job.plan
    check_arguments(job.spec)
    asked = {k: v for k, v in training.arguments.items() if k != "model_init_kwargs"}
    if asked.get("activation_offloading") and not torch.cuda.is_available():
        raise Failure(
            Reason.INVALID_ARGUMENTS,
            "training.arguments: activation_offloading moves activations out of a GPU's memory, and there "
            "is no GPU here: leave it out.",
        )
    evaluate: dict[str, Any] = {}
    if eval_rows:
        evaluate = {
            # No larger than there are pairs: dataloader_drop_last would leave nothing to judge by.
            "per_device_eval_batch_size": max(
                1, min(plan.per_device_batch_size, eval_rows // plan.gpus)
            ),
            **_judged_by(training.arguments),
        }
    shards: dict[str, Any] = {}
    if plan.sharded:
        # FSDP2; the state is gathered into one file, so that a checkpoint serves any number of GPUs.
        shards = {"fsdp": True, "fsdp_config": {"state_dict_type": "FULL_STATE_DICT"}}
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
        "bf16": precisions.compute == "bf16",
        "fp16": precisions.compute == "fp16",
        "logging_strategy": "steps",
        "logging_steps": plan_of_steps.log_every,
        "logging_first_step": True,
        # A NaN must be seen, not smoothed over.
        "logging_nan_inf_filter": False,
        # Early stopping goes on counting where it was.
        "restore_callback_states_from_checkpoint": True,
        "report_to": "none",
        "run_name": job.name,
        "use_cpu": not torch.cuda.is_available(),
        "disable_tqdm": True,
        **evaluate,
        **shards,
        **asked,
        **rhythm(asked, plan_of_steps.steps, plan_of_steps.evaluate_every, eval_rows > 0),
    }
    with at_fault(training.arguments):
        return DPOConfig(**fields)
