"""The figures that every job gets without asking: they need no judge."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from dpojob_api.evaluation import Evaluation, Interval
from dpojob_api.progress import Progress
from dpojob_trainer.training.setup.train_job import TrainJob

from .answers import Answer, answer_figures
from .divergence import kl_per_token
from .generation import generate_answers
from .models import ModelPair
from .statistics import paired_change, proportion_interval

log = logging.getLogger(__name__)
PROMPTS = 32
"""Held-out prompts that are answered, at most."""
NEW_TOKENS = 128
"""The longest answer, tokens."""
SECONDS = 300.0
"""No batch is begun later than this after the first; the figures are then from fewer prompts."""


def reward_accuracy(job: TrainJob, progress: Progress) -> Interval | None:
    """The held-out reward accuracy of the weights that are kept, with its interval."""
    pairs = job.report.eval_rows
    if progress.eval_accuracy is None or not pairs:
        return None
    return proportion_interval(round(progress.eval_accuracy * pairs), pairs)


def answer_both(
    pair: ModelPair, rows: Sequence[dict[str, Any]], seed: int
) -> tuple[list[Answer], list[Answer]]:
    """Both models' answers to the same rows, as many as the time allows."""
    deadline = time.monotonic() + SECONDS
    answers: list[list[Answer]] = []
    for side in (pair.before, pair.after):
        found: list[Answer] = []
        with side() as model:
            for batch in generate_answers(
                model, pair.tokenizer, rows, new_tokens=NEW_TOKENS, seed=seed
            ):
                found += batch
                # The second model gets half of the time at least.
                if time.monotonic() > deadline - (SECONDS / 2 if not answers else 0):
                    break
        answers.append(found)
    before, after = answers
    both = min(len(before), len(after))
    return before[:both], after[:both]


def compare_answers(
    job: TrainJob, pair: ModelPair, rows: Sequence[dict[str, Any]], evaluation: Evaluation
) -> Evaluation:
    """`evaluation` with the figures of both models' answers and of their distance."""
    before, after = answer_both(pair, rows, job.spec.training.seed)
    log.info("both models answered %d held-out prompts", len(after))
    return evaluation.model_copy(
        update={
            "prompts": len(after),
            "before": answer_figures(before),
            "after": answer_figures(after),
            "length_change": paired_change(
                [answer.tokens for answer in before], [answer.tokens for answer in after]
            ),
            "kl_per_token": kl_per_token(pair, rows),
        }
    )
