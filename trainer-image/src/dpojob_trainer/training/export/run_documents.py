"""The texts about a finished run: report.html, the model card, metrics.jsonl, one sentence."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from dpojob_api.progress import Artifacts, Progress
from dpojob_api.quantity import format_count, format_duration
from dpojob_trainer.training.loop.best_checkpoint import kept_step
from dpojob_trainer.training.loop.trainer import Trained
from dpojob_trainer.training.setup.train_job import TrainJob

from .markdown import code, plain
from .model_writer import TRAINED
from .svg_chart import Curve, chart
from .versions import versions

CURVES = (
    ("Loss", {"training": "loss", "evaluation": "eval_loss"}),
    ("Reward margin", {"training": "rewards/margins", "evaluation": "eval_rewards/margins"}),
    (
        "Reward accuracy",
        {"training": "rewards/accuracies", "evaluation": "eval_rewards/accuracies"},
    ),
    ("Rewards", {"chosen": "rewards/chosen", "rejected": "rewards/rejected"}),
    ("Log-probability of answers", {"chosen": "logps/chosen", "rejected": "logps/rejected"}),
    ("Gradient norm", {"norm": "grad_norm"}),
    ("Learning rate", {"rate": "learning_rate"}),
    ("Entropy", {"training": "entropy", "evaluation": "eval_entropy"}),
)
"""Title of each chart, and TRL's name of each of its curves."""


@dataclass(frozen=True)
class Description:
    """Every text that goes with the model."""

    sentence: str
    card: str
    report: str
    metrics: list[dict[str, Any]]


def describe(
    job: TrainJob, trained: Trained, progress: Progress, artifacts: Artifacts
) -> Description:
    """Write them, from the trainer's own log."""
    history = trained.trainer.state.log_history
    metrics = [_finite(record) for record in history]
    environment = Environment(
        loader=PackageLoader("dpojob_trainer.training.export"),
        autoescape=lambda name: name is not None and ".html" in name,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": format_count, "duration": format_duration, "figure": _figure, "plain": plain, "code": code,
    }  # fmt: skip
    told = {
        "job": job,
        "spec": job.spec,
        "plan": job.plan,
        "data": job.report,
        "facts": job.report.model,
        "progress": progress,
        "artifacts": artifacts,
        "seconds": _seconds(progress),
        "ending": _ending(job, trained),
        "train_rows": trained.train_rows,
        "eval_rows": trained.eval_rows,
        "samples": trained.samples,
        "pairs": trained.samples.pairs(),
        "notes": trained.loaded.notes,
        "settings": _settings(job, trained),
        "versions": versions(),
    }
    charts = [chart(title, _curves(history, wanted)) for title, wanted in CURVES]
    return Description(
        sentence=_sentence(job, trained, progress, artifacts),
        card=environment.get_template("card.md.j2").render(told),
        report=environment.get_template("report.html.j2").render(
            told, charts=Markup("").join(charts)
        ),
        metrics=metrics,
    )


def _sentence(job: TrainJob, trained: Trained, progress: Progress, artifacts: Artifacts) -> str:
    parts = _ending(job, trained) or [f"Trained {progress.step} steps"]
    if progress.eval_margin is not None and progress.eval_accuracy is not None:
        parts.append(
            f"held-out reward margin {progress.eval_margin:.3g}, accuracy {progress.eval_accuracy:.0%}"
        )
    elif progress.margin is not None:
        parts.append(f"reward margin {progress.margin:.3g}")
    parts.append(f"the {artifacts.kind} and its report are in place")
    return "; ".join(parts) + "."


def _ending(job: TrainJob, trained: Trained) -> list[str]:
    """What is not plain about where training ended and which weights are kept."""
    state, config = trained.trainer.state, trained.trainer.args
    step, planned, parts = state.global_step, state.max_steps, []
    wanted = job.spec.training.early_stopping
    metric = str(config.metric_for_best_model or "eval_loss").removeprefix("eval_")
    if step < planned and wanted is not None:
        parts.append(
            f"Stopped early at step {step} of {planned}, as the held-out {metric} had not improved for "
            f"{wanted.patience} evaluation{'s' * (wanted.patience > 1)}"
        )
    best = kept_step(trained.trainer)
    if best != step:
        if not parts:
            parts.append(f"Trained {step} steps")
        parts.append(
            f"the weights kept are those of step {best}, where the held-out {metric} was best"
        )
    return parts


def _curves(history: list[dict[str, Any]], wanted: dict[str, str]) -> dict[str, Curve]:
    return {
        name: [(record["step"], float(record[key])) for record in history if key in record]
        for name, key in wanted.items()
    }


def _finite(record: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: such figures become null, which is not the same as absent."""
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in record.items()
    }


def _settings(job: TrainJob, trained: Trained) -> dict[str, str]:
    """Everything that shapes the training, for the card."""
    training, plan = job.spec.training, job.plan
    settings: dict[str, Any] = {
        "method": plan.method,
        "precision": trained.precision,
        "attention": trained.trainer.model.config._attn_implementation,
        "reference": "ahead of time" if plan.precompute_reference else "at each step",
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
        # The one that was trained: a job that starts from an adapter goes on with that one's.
        lora = trained.trainer.model.peft_config[TRAINED]
        settings["LoRA"] = f"r {lora.r}, alpha {lora.lora_alpha}, dropout {lora.lora_dropout}"
    if training.arguments:
        settings["arguments"] = json.dumps(training.arguments, sort_keys=True)
    return {name: str(value) for name, value in settings.items()}


def _seconds(progress: Progress) -> float:
    if progress.started_at is None or progress.updated_at is None:
        return 0.0
    return (progress.updated_at - progress.started_at).total_seconds()


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
