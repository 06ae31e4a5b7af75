"""The evaluation's part of the model card and of report.html, written into the finished documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from dpojob_api import constants
from dpojob_api.conditions import Reason
from dpojob_api.evaluation import Evaluation, Interval, TaskScore
from dpojob_trainer.training.export.markdown import plain
from dpojob_trainer.training.export.output_directory import replace_text
from dpojob_trainer.training.export.svg_chart import interval_chart
from dpojob_trainer.training.export.template_environment import figure, template_environment
from dpojob_trainer.training.loop.data import prompt_text
from dpojob_trainer.training.setup.train_job import TrainJob

from .records import Record

SECTION = re.compile(r"<!-- evaluation -->.*?<!-- /evaluation -->", re.DOTALL)
"""The part of a document that is replaced, with the comments around it."""
TEMPLATES = {
    constants.FILE_MODEL_CARD: "evaluation_card.md.j2",
    constants.FILE_REPORT: "evaluation_report.html.j2",
}
"""The template of the part of a document, by document."""
SHOWN = 3
"""How many of the most won and of the most lost prompts the report shows."""


def write_sections(job: TrainJob, evaluation: Evaluation, records: Sequence[Record]) -> None:
    """Replace the evaluation's part of each document beside the finished model.

    Args:
        job: The job.
        evaluation: The figures and, where a judge was asked for, the verdict.
        records: The judged prompts, of which the most won and the most lost are shown.
    """
    filters: dict[str, Callable[..., Any]] = {
        "plain": plain, "share": _share, "figure": figure, "range": _range, "score": _score,
        "prompt": prompt_text,
    }  # fmt: skip
    environment = template_environment("dpojob_trainer.training.evaluation", filters)
    context = _context(evaluation, records)
    for name, template in TEMPLATES.items():
        path = job.output / name
        if not path.exists():  # A user may have deleted it after training.
            continue
        section = environment.get_template(template).render(context)
        replace_text(path, _replaced(path.read_text(encoding="utf-8"), section))
    results = _hub_results(job, evaluation)
    if results and (job.output / constants.FILE_MODEL_CARD).exists():
        _add_model_index(job, results)


def _replaced(text: str, section: str) -> str:
    """The document with another section between these comments."""
    return SECTION.sub(lambda _: f"<!-- evaluation -->\n{section}<!-- /evaluation -->", text)


def _context(evaluation: Evaluation, records: Sequence[Record]) -> dict[str, Any]:
    compared = sorted(records, key=lambda record: record.difference or 0.0)
    titled = (
        ("Win rate against the model before", evaluation.win_rate),
        ("Win rate at equal length", evaluation.length_controlled_win_rate),
        ("Reward accuracy", evaluation.reward_accuracy),
    )
    return {
        "evaluation": evaluation,
        "improved": evaluation.verdict == Reason.BETTER_THAN_BASE,
        "won": [r for r in reversed(compared[-SHOWN:]) if (r.difference or 0) > 0],
        "lost": [r for r in compared[:SHOWN] if (r.difference or 0) < 0],
        "charts": [interval_chart(title, share) for title, share in titled if share is not None],
    }


def _hub_results(job: TrainJob, evaluation: Evaluation) -> list[EvalResult]:
    """The win rate and the tasks, as the hub takes evaluation results."""
    results = []
    if evaluation.win_rate is not None:
        dataset = job.spec.dataset.repo
        results.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=dataset or "held-out",
                dataset_name=dataset or "held-out prompts",
                metric_type="win_rate",
                metric_name=f"win rate against the model before, by {evaluation.judge}",
                metric_value=round(evaluation.win_rate.value or 0.0, 4),
            )
        )
    for task in evaluation.tasks:
        if task.after is None or task.after.value is None:
            continue
        results.append(
            EvalResult(
                task_type="text-generation",
                dataset_type=task.name,
                dataset_name=task.name,
                metric_type=task.metric.partition(",")[0],
                metric_name=f"{task.metric}, of the first {task.limit} samples"
                if task.limit
                else task.metric,
                metric_value=task.after.value,
            )
        )
    return results


def _add_model_index(job: TrainJob, results: list[EvalResult]) -> None:
    """Add the results to the card's metadata, where the hub shows them."""
    path = job.output / constants.FILE_MODEL_CARD
    card = ModelCard(path.read_text(encoding="utf-8"))
    assert isinstance(card.data, ModelCardData)  # ModelCard's own type for every card.
    card.data.model_name = job.name
    card.data.eval_results = results
    replace_text(path, f"---\n{card.data.to_yaml()}\n---\n{card.text}")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _score(score: TaskScore | None) -> str:
    """A mean with its standard error."""
    if score is None or score.value is None:
        return "–"
    error = "" if score.standard_error is None else f" ± {score.standard_error:.2g}"
    return f"{score.value:.3g}{error}"


def _range(interval: Interval | None, style: str = "share") -> str:
    """The estimate with its interval."""
    if interval is None or interval.value is None:
        return "–"
    form = _share if style == "share" else figure
    if interval.low is None:
        return form(interval.value)
    return f"{form(interval.value)} ({form(interval.low)} to {form(interval.high)})"
