"""What a finished run did: its settings, how it ended, a summary sentence and the versions used."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from dpojob_api.progress import Artifacts, Progress
from dpojob_trainer.training.adapters.loading import TRAINED_ADAPTER
from dpojob_trainer.training.setup.train_job import TrainJob
from dpojob_trainer.training.setup.training_result import TrainingResult

PACKAGES = ("dpojob-trainer", "trl", "transformers", "peft", "datasets", "accelerate", "torch")
"""The packages whose versions are recorded."""


def summary_sentence(
    job: TrainJob, result: TrainingResult, progress: Progress, artifacts: Artifacts
) -> str:
    """The outcome's message."""
    parts = describe_ending(job, result) or [f"Trained {progress.step} steps"]
    if progress.eval_margin is not None and progress.eval_accuracy is not None:
        parts.append(
            f"held-out reward margin {progress.eval_margin:.3g}, accuracy {progress.eval_accuracy:.0%}"
        )
    elif progress.margin is not None:
        parts.append(f"reward margin {progress.margin:.3g}")
    parts.append(f"the {artifacts.kind} and its report are in place")
    return "; ".join(parts) + "."


def describe_ending(job: TrainJob, result: TrainingResult) -> list[str]:
    """Clauses on an early stop and on which weights are kept; empty for a run with neither."""
    state, config = result.trainer.state, result.trainer.args
    step, planned, parts = state.global_step, state.max_steps, []
    early_stopping = job.spec.training.early_stopping
    metric = str(config.metric_for_best_model or "eval_loss").removeprefix("eval_")
    if step < planned and early_stopping is not None:
        patience = early_stopping.patience
        parts.append(
            f"Stopped early at step {step} of {planned}, as the held-out {metric} had not improved for "
            f"{patience} evaluation{'s' * (patience > 1)}"
        )
    best = result.kept_step
    if best != step:
        if not parts:
            parts.append(f"Trained {step} steps")
        parts.append(
            f"the weights kept are those of step {best}, where the held-out {metric} was best"
        )
    return parts


def training_settings(job: TrainJob, result: TrainingResult) -> dict[str, str]:
    """Every setting of the training by its name in the model card."""
    training, plan = job.spec.training, job.plan
    settings: dict[str, Any] = {
        "method": plan.method,
        "precision": result.precision,
        "attention": result.attention,
        "reference": "ahead of time" if plan.precompute_reference else "at each step",
        "shared prefixes": "yes" if result.trainer.shares_prefixes else "no",
        "epochs": training.epochs,
        "learning rate": training.learning_rate,
        "beta": training.beta,
        "pairs per optimizer step": training.batch_size,
        "per GPU x accumulation x GPUs": f"{plan.per_device_batch_size} x "
        f"{plan.gradient_accumulation} x {plan.gpus}",
        "max length, tokens": plan.max_length,
        "seed": training.seed,
    }
    if plan.method != "full":
        # A job that starts from an adapter trains that adapter, whose values may differ from those of the spec.
        lora = result.trainer.model.peft_config[TRAINED_ADAPTER]
        settings["LoRA"] = f"r {lora.r}, alpha {lora.lora_alpha}, dropout {lora.lora_dropout}"
    if training.arguments:
        settings["arguments"] = json.dumps(training.arguments, sort_keys=True)
    return {name: str(value) for name, value in settings.items()}


def duration_seconds(progress: Progress) -> float:
    """The duration of this attempt."""
    if progress.started_at is None or progress.updated_at is None:
        return 0.0
    return (progress.updated_at - progress.started_at).total_seconds()


def package_versions() -> dict[str, str]:
    """The versions of the installed packages that made the model."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
