"""The amount of training: pairs, optimizer steps, padded tokens, and how often it evaluates."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from dpojob_api.report import InspectionReport, Lengths, Percentiles
from dpojob_api.shared_training_constants import EVALUATIONS
from dpojob_api.spec import DPOJobSpec

CHARACTERS_PER_TOKEN = 4.0
"""The factor for lengths that inspection counted in characters."""
MINIMUM_EVALUATIONS = 2
"""Evaluations over the run, however much of its time they take: there is no best checkpoint without."""
EVALUATION_SHARE = 0.1
"""Share of the time of the steps that evaluations, with their checkpoints, may take before there are fewer
of them."""


@dataclass(frozen=True)
class TrainingWork:
    """The amount of training."""

    rows: int
    """Training pairs; 0: not known, no estimate is made."""
    eval_rows: int
    """Evaluation pairs."""
    epochs: float
    steps: int
    """Optimizer steps."""


def training_work(spec: DPOJobSpec, report: InspectionReport) -> TrainingWork:
    """Count rows and optimizer steps; `max_steps` among the arguments ends training earlier.

    Args:
        spec: The job's spec: batch size, epochs and arguments.
        report: The inspection report: rows of training and evaluation.

    Returns:
        Pairs, epochs and steps.
    """
    rows = report.train_rows or report.valid_rows
    batch, epochs = spec.training.batch_size, spec.training.epochs
    steps = math.ceil(epochs * math.ceil(rows / batch)) if rows else 0
    most = spec.training.arguments.get("max_steps")
    if isinstance(most, int) and most > 0 and rows:
        epochs, steps = most * batch / rows, most
    return TrainingWork(rows, report.eval_rows, epochs, steps)


def count_evaluations(
    spec: DPOJobSpec, work: TrainingWork, training_seconds: float, evaluation_seconds: float
) -> int:
    """Count the evaluations of a run: as `training.arguments` asks, else as many as its time allows.

    Args:
        spec: The job's spec: `eval_strategy`, `eval_steps`, `save_strategy` and `save_steps`.
        work: The amount of training.
        training_seconds: Time of all optimizer steps.
        evaluation_seconds: Time of one evaluation and the checkpoint that belongs to it.

    Returns:
        0 without evaluation pairs or optimizer steps, and where `eval_strategy` is "no". By default
        EVALUATIONS, fewer where they would take more than EVALUATION_SHARE of the time of the steps, but no
        fewer than MINIMUM_EVALUATIONS; never more than there are steps, so one in a run of one step.
    """
    asked = spec.training.arguments
    strategy, saved = asked.get("eval_strategy"), asked.get("save_steps")
    if not work.eval_rows or not work.steps or strategy == "no":
        return 0
    if strategy == "epoch" or (strategy is None and asked.get("save_strategy") == "epoch"):
        return max(1, math.ceil(work.epochs))
    # Checkpoints and evaluations follow each other, since the best checkpoint is kept by its evaluation.
    every = asked.get("eval_steps")
    if every is None and asked.get("load_best_model_at_end") is not False:
        every = saved
    if every is not None:
        # transformers takes a number below 1 as a share of the run.
        steps = math.ceil(work.steps * every) if every < 1 else min(every, work.steps)
        return int(work.steps // steps)
    affordable = EVALUATIONS
    if evaluation_seconds > 0:
        affordable = int(EVALUATION_SHARE * training_seconds / evaluation_seconds)
    return min(work.steps, max(MINIMUM_EVALUATIONS, min(EVALUATIONS, affordable)))


def padded_length(lengths: Lengths | None, pairs: int, max_length: int) -> float:
    """Estimate the length to which a batch is padded, on average.

    The longest of n rows lies near their n / (n + 1) quantile (the expected value of the largest of n
    uniform samples), which is interpolated between the percentiles that inspection counted.

    Args:
        lengths: Percentiles of row lengths, in tokens or characters. Without them every row is
            assumed to be as long as is allowed.
        pairs: Preference pairs in the batch.
        max_length: `training.maxLength`, tokens.

    Returns:
        Tokens per row, 1 to `max_length`.
    """
    if lengths is None or lengths.longest.max == 0:
        return float(max_length)
    scale = 1.0 if lengths.unit == "tokens" else 1 / CHARACTERS_PER_TOKEN
    quantile = pairs / (pairs + 1)
    return max(1.0, min(float(max_length), scale * _quantile(lengths.longest, quantile)))


def _quantile(known: Percentiles, quantile: float) -> float:
    points = [(0.5, known.p50), (0.95, known.p95), (0.99, known.p99), (1.0, known.max)]
    for (below, low), (above, high) in itertools.pairwise(points):
        if quantile <= above:
            return low + (max(low, high) - low) * (quantile - below) / (above - below)
    return known.max
