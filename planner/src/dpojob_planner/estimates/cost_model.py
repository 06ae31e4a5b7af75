"""How long training takes: work over the sustained rate of the GPUs, plus what each launch costs."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from decimal import Decimal

from dpojob_api.plan import Estimate
from dpojob_api.pool import GPUPoolSpec
from dpojob_api.report import InspectionReport, Lengths, Percentiles
from dpojob_api.shared_training_constants import reference_pairs
from dpojob_api.spec import DPOJobSpec
from dpojob_planner.search_space import Option

from .gpu import sustained_flops
from .model_shape import Shape

CHARACTERS_PER_TOKEN = 4.0
"""For lengths that inspection counted in characters."""
SECONDS_PER_LAYER_PASS = 0.0005
"""Launching the kernels of one layer, once."""
FILLING_TOKENS = 512
"""A forward of so many tokens reaches half of a GPU's sustained rate."""
SCALING = 0.9
"""Share of the sum that several GPUs reach together."""
QLORA_SLOWDOWN = 1.3
"""Unpacking 4-bit weights in every pass."""


@dataclass(frozen=True)
class Work:
    """What there is to train on."""

    rows: int
    """Training pairs; 0: not known, no estimate is made."""
    eval_rows: int
    epochs: float
    steps: int


def work_of(spec: DPOJobSpec, report: InspectionReport) -> Work:
    """Rows and optimizer steps; `max_steps` among the arguments ends training earlier."""
    rows = report.train_rows or report.valid_rows
    batch, epochs = spec.training.batch_size, spec.training.epochs
    steps = math.ceil(epochs * math.ceil(rows / batch)) if rows else 0
    most = spec.training.arguments.get("max_steps")
    if isinstance(most, int) and most > 0 and rows:
        epochs, steps = most * batch / rows, most
    return Work(rows, report.eval_rows, epochs, steps)


def padded_length(lengths: Lengths | None, pairs: int, max_length: int) -> float:
    """Tokens to which a batch of so many pairs is padded, on average.

    The longest of n rows lies near their n / (n + 1) quantile, which is read between the percentiles
    that inspection counted. Without lengths every row is taken to be as long as is allowed.
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


def _token_flops(shape: Shape, length: float) -> float:
    """FLOPs of one token's forward: two per working parameter, and attention over half the row."""
    return 2.0 * shape.active + 2.0 * shape.layers * shape.queries * length


def _seconds(shape: Shape, gpu_flops: float, tokens: float, length: float, passes: float) -> float:
    """Of so many forward-sized passes over one micro-batch on one GPU."""
    rate = gpu_flops * tokens / (tokens + FILLING_TOKENS)
    compute = passes * tokens * _token_flops(shape, length) / rate
    return compute + passes * shape.layers * SECONDS_PER_LAYER_PASS


def training_passes(option: Option) -> float:
    """Forward-sized passes of one step: forward, backward, recomputation, reference.

    A backward costs two forwards, one when the weights are frozen (their gradients are not made).
    """
    backward = 2.0 if option.rung.method == "full" else 1.0
    recomputed = 1.0 if option.setting.checkpointing else 0.0
    reference = 0.0 if option.rung.precompute else 1.0
    return 1.0 + backward + recomputed + reference


def step_seconds(
    spec: DPOJobSpec, report: InspectionReport, shape: Shape, pool: GPUPoolSpec, option: Option
) -> float:
    """One optimizer step, however many there are."""
    pairs = spec.training.batch_size
    return _passes_over(pairs, training_passes(option), spec, report, shape, pool, option)


def estimate(
    spec: DPOJobSpec, report: InspectionReport, shape: Shape, pool: GPUPoolSpec, option: Option,
    step: float,
) -> Estimate:  # fmt: skip
    """Hours, cost and steps before training, where a step takes `step` seconds. All zero when the
    number of rows is not known."""
    work = work_of(spec, report)

    def passes_over(rows: float, passes: float, pairs: int | None = None) -> float:
        return _passes_over(rows, passes, spec, report, shape, pool, option, pairs)

    seconds = work.steps * step
    # Evaluation once an epoch, policy and reference; precomputing goes over everything once.
    seconds += passes_over(
        work.eval_rows * max(1.0, work.epochs), 1.0 if option.rung.precompute else 2.0
    )
    if option.rung.precompute:
        setting = option.setting
        pairs = reference_pairs(setting.pairs, checkpointing=setting.checkpointing)
        seconds += passes_over(work.rows + work.eval_rows, 1.0, pairs)
    return priced(seconds, option.gpus, pool.price, work.steps)


def _passes_over(
    rows: float, passes: float, spec: DPOJobSpec, report: InspectionReport, shape: Shape,
    pool: GPUPoolSpec, option: Option, pairs: int | None = None,
) -> float:  # fmt: skip
    """Seconds of so many forward-sized passes over so many pairs, on all GPUs, in micro-batches of
    `pairs` (None: those of training)."""
    pairs = pairs or option.setting.pairs
    length = padded_length(report.lengths, pairs, spec.training.max_length)
    tokens = 2 * pairs * length
    per_gpu = rows / option.gpus / (SCALING if option.gpus > 1 else 1.0)
    micro_batches = per_gpu / pairs
    if option.rung.method == "qlora":
        passes *= QLORA_SLOWDOWN
    return micro_batches * _seconds(shape, sustained_flops(pool.gpu), tokens, length, passes)


def priced(seconds: float, gpus: int, hourly_price: Decimal, steps: int) -> Estimate:
    """An Estimate of so many seconds on so many GPUs."""
    hours = round(seconds / 3600, 4)
    return Estimate(hours=hours, cost=Decimal(str(hours)) * gpus * hourly_price, steps=steps)
