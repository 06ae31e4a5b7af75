"""The documents of a finished run: report.html, the model card, metrics.jsonl and a summary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dpojob_api.progress import Artifacts, Progress
from dpojob_api.quantity import format_count, format_duration
from dpojob_trainer.training.setup.train_job import TrainJob
from dpojob_trainer.training.setup.training_result import TrainingResult

from .markdown import code, plain
from .model_card import front_matter
from .run_summary import (
    describe_ending,
    duration_seconds,
    package_versions,
    summary_sentence,
    training_settings,
)
from .svg_chart import Curve, chart
from .template_environment import figure, template_environment

CHARTS = (
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
"""The title of each chart, and TRL's metric for each of its curves."""


@dataclass(frozen=True)
class RunDocuments:
    """Every text that is written with the model."""

    summary: str
    model_card: str
    report: str
    metrics: list[dict[str, Any]]


def render_documents(
    job: TrainJob, result: TrainingResult, progress: Progress, artifacts: Artifacts
) -> RunDocuments:
    """Render the documents from the run's log."""
    history = result.trainer.state.log_history
    filters = {
        "count": format_count, "duration": format_duration, "figure": figure, "plain": plain, "code": code,
    }  # fmt: skip
    environment = template_environment("dpojob_trainer.training.export", filters)
    context = {
        "job": job,
        "spec": job.spec,
        "plan": job.plan,
        "data": job.report,
        "facts": job.report.model,
        "progress": progress,
        "artifacts": artifacts,
        "seconds": duration_seconds(progress),
        "ending": describe_ending(job, result),
        "train_rows": result.train_rows,
        "eval_rows": result.eval_rows,
        "samples": result.samples,
        "answers": result.answers,
        "notes": result.loaded.notes,
        "settings": training_settings(job, result),
        "versions": package_versions(),
    }
    charts = [chart(title, _curves(history, metrics)) for title, metrics in CHARTS]
    return RunDocuments(
        summary=summary_sentence(job, result, progress, artifacts),
        model_card=environment.get_template("model_card.md.j2").render(
            context, front_matter=Markup(front_matter(job.spec, artifacts.kind))
        ),
        report=environment.get_template("report.html.j2").render(
            context, charts=Markup("").join(charts)
        ),
        metrics=[_finite(record) for record in history],
    )


def _curves(history: list[dict[str, Any]], metrics: dict[str, str]) -> dict[str, Curve]:
    return {
        name: [(record["step"], float(record[key])) for record in history if key in record]
        for name, key in metrics.items()
    }


def _finite(record: dict[str, Any]) -> dict[str, Any]:
    """The record with NaN and infinity, which JSON does not have, as null."""
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in record.items()
    }
