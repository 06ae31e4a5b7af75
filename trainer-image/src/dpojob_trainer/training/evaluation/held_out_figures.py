"""Figures of every evaluation, which need no judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dpojob_api.evaluation import Evaluation, Interval
from dpojob_api.progress import Progress
from dpojob_trainer.training.setup.train_job import TrainJob

from .answers import Answer, answer_figures
from .divergence import kl_per_token
from .models import ModelPair
from .statistics.confidence_intervals import paired_change, proportion_interval

DISTANCE_ROWS = 32
"""The largest number of held-out pairs whose chosen answers the distance is measured on."""


def reward_accuracy(job: TrainJob, progress: Progress) -> Interval | None:
    """The held-out reward accuracy of the weights that are kept, with its interval."""
    pairs = job.report.eval_rows
    if progress.eval_accuracy is None or not pairs:
        return None
    return proportion_interval(round(progress.eval_accuracy * pairs), pairs)


def with_answers(
    evaluation: Evaluation, before: Sequence[Answer], after: Sequence[Answer]
) -> Evaluation:
    """`evaluation` with the figures of both models' answers, of which there is at least one each."""
    return evaluation.model_copy(
        update={
            "prompts": len(after),
            "before": answer_figures(before),
            "after": answer_figures(after),
            "length_change": paired_change(
                [answer.tokens for answer in before], [answer.tokens for answer in after]
            ),
        }
    )


def with_distance(
    evaluation: Evaluation, pair: ModelPair, rows: Sequence[dict[str, Any]]
) -> Evaluation:
    """`evaluation` with the distance of both models on the first pairs of `rows`."""
    pairs = [row for row in rows if "chosen" in row][:DISTANCE_ROWS]
    return evaluation.model_copy(update={"kl_per_token": kl_per_token(pair, pairs)})
