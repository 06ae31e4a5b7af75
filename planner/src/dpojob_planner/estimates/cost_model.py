"""How long training takes and what it costs: FLOPs over the sustained rate, plus kernel launches.

The model is described in docs/plan.md, "Time and cost".
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from decimal import Decimal

from dpojob_api.plan import Estimate
from dpojob_api.pool import GPUPoolSpec
from dpojob_api.report import InspectionReport, Lengths, Percentiles
from dpojob_api.shared_training_constants import reference_batch_size
from dpojob_api.spec import DPOJobSpec

from .gpu import sustained_flops
from .model_shape import ModelShape
from .training_option import TrainingOption

CHARACTERS_PER_TOKEN = 4.0
"""For lengths that inspection counted in characters."""
SECONDS_PER_LAYER_PASS = 0.0005
"""Launching the kernels of one layer, once."""
HALF_RATE_TOKENS = 512
"""Tokens of a forward that reaches half of a GPU's sustained rate."""
MULTI_GPU_EFFICIENCY = 0.9
"""Share of the sum of their rates that several GPUs reach together."""
QLORA_SLOWDOWN = 1.3
"""Factor on the time of every pass, for unpacking 4-bit weights."""


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


def _token_flops(shape: ModelShape, length: float) -> float:
    """FLOPs of one token's forward: two per active parameter, and attention over half the row."""
    return 2.0 * shape.active + 2.0 * shape.layers * shape.queries * length


def _micro_batch_seconds(
    shape: ModelShape, gpu_flops: float, tokens: float, length: float, passes: float
) -> float:
    """Seconds of a number of forward passes over one micro-batch on one GPU."""
    # The rate saturates with the tokens of a pass.
    rate = gpu_flops * tokens / (tokens + HALF_RATE_TOKENS)
    compute = passes * tokens * _token_flops(shape, length) / rate
    return compute + passes * shape.layers * SECONDS_PER_LAYER_PASS


def training_passes(option: TrainingOption) -> float:
    """Count the work of one step in units of a forward: forward, backward, recomputation, reference.

    Args:
        option: Method, checkpointing and whether the reference is precomputed.

    Returns:
        Equivalent forward passes. A backward costs two, one when the weights are frozen (their
        gradients are not computed).
    """
    backward = 2.0 if option.strategy.method == "full" else 1.0
    recomputed = 1.0 if option.settings.checkpointing else 0.0
    reference = 0.0 if option.strategy.precompute else 1.0
    return 1.0 + backward + recomputed + reference


def step_seconds(
    spec: DPOJobSpec,
    report: InspectionReport,
    shape: ModelShape,
    pool: GPUPoolSpec,
    option: TrainingOption,
) -> float:
    """Estimate the time of one optimizer step.

    Args:
        spec: The job's spec: batch size and maxLength.
        report: The inspection report: row lengths.
        shape: The model.
        pool: The pool: the GPU's rate.
        option: Method, settings and number of GPUs.

    Returns:
        Seconds.
    """
    pairs = spec.training.batch_size
    return _pass_seconds(pairs, training_passes(option), spec, report, shape, pool, option)


def estimate_training(
    spec: DPOJobSpec,
    report: InspectionReport,
    shape: ModelShape,
    pool: GPUPoolSpec,
    option: TrainingOption,
    step: float,
) -> Estimate:
    """Estimate hours and cost before training: steps, evaluation once an epoch, and precomputing.

    Args:
        spec: The job's spec.
        report: The inspection report: rows and their lengths.
        shape: The model.
        pool: The pool: the GPU's rate and price.
        option: Method, settings and number of GPUs.
        step: Seconds of one optimizer step, from `step_seconds`.

    Returns:
        Hours, cost and steps; all zero when the number of rows is not known.
    """
    work = training_work(spec, report)

    def pass_seconds(rows: float, passes: float, pairs: int | None = None) -> float:
        return _pass_seconds(rows, passes, spec, report, shape, pool, option, pairs)

    seconds = work.steps * step
    # Evaluation once an epoch, policy and reference; precomputing processes every pair once.
    seconds += pass_seconds(
        work.eval_rows * max(1.0, work.epochs), 1.0 if option.strategy.precompute else 2.0
    )
    if option.strategy.precompute:
        settings = option.settings
        pairs = reference_batch_size(settings.pairs, checkpointing=settings.checkpointing)
        seconds += pass_seconds(work.rows + work.eval_rows, 1.0, pairs)
    return price_training(seconds, option.gpus, pool.price, work.steps)


def _pass_seconds(
    rows: float, passes: float, spec: DPOJobSpec, report: InspectionReport, shape: ModelShape,
    pool: GPUPoolSpec, option: TrainingOption, pairs: int | None = None,
) -> float:  # fmt: skip
    """Seconds of `passes` forward passes over `rows` pairs on all GPUs, `pairs` in a micro-batch."""
    pairs = pairs or option.settings.pairs
    length = padded_length(report.lengths, pairs, spec.training.max_length)
    tokens = 2 * pairs * length
    per_gpu = rows / option.gpus / (MULTI_GPU_EFFICIENCY if option.gpus > 1 else 1.0)
    micro_batches = per_gpu / pairs
    if option.strategy.method == "qlora":
        passes *= QLORA_SLOWDOWN
    rate = sustained_flops(pool.gpu)
    return micro_batches * _micro_batch_seconds(shape, rate, tokens, length, passes)


def price_training(seconds: float, gpus: int, hourly_price: Decimal, steps: int) -> Estimate:
    """Price a duration: hours x GPUs x hourly price.

    Args:
        seconds: Wall-clock time of training.
        gpus: GPUs over all nodes.
        hourly_price: Price of one GPU for one hour, in the installation's currency (USD by default).
        steps: Optimizer steps.

    Returns:
        Hours, rounded to four decimals, their cost, and the steps.
    """
    hours = round(seconds / 3600, 4)
    return Estimate(hours=hours, cost=Decimal(str(hours)) * gpus * hourly_price, steps=steps)
