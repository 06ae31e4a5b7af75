"""How long training takes and what it costs: FLOPs over the sustained rate, plus kernel launches.

One formula serves the plan, the budget and the trainer's remaining time: see `dpojob_api.plan.Estimate`.
The model is described in docs/plan.md, "Time and cost".
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from dpojob_api.plan import Estimate
from dpojob_api.pool import GPUPoolSpec
from dpojob_api.report import InspectionReport
from dpojob_api.shared_training_constants import reference_batch_size, save_interval_seconds
from dpojob_api.spec import DPOJobSpec

from .checkpoint import save_seconds
from .evaluation_work import EvaluationWork
from .gpu import pass_seconds, sustained_flops
from .model_shape import ModelShape
from .training_option import TrainingOption
from .training_work import count_evaluations, padded_length, training_work

MULTI_GPU_EFFICIENCY = 0.9
"""Share of the sum of their rates that several GPUs reach together. An assumption; no card has confirmed it."""


@dataclass(frozen=True)
class CostModel:
    """Predicts times of one training option on one kind of GPU."""

    spec: DPOJobSpec
    report: InspectionReport
    shape: ModelShape
    pool: GPUPoolSpec
    option: TrainingOption
    work: float = 1.0
    """Operations of a forward as a share of those of two rows a pair: less than 1 with shared prefixes."""

    def step_seconds(self) -> float:
        """Predict the time of one optimizer step: forward, backward, recomputation, live reference.

        Returns:
            Seconds.
        """
        return self._seconds(self.spec.training.batch_size, training_passes(self.option))

    def evaluation_seconds(self) -> float:
        """Predict the time of one evaluation: a forward over the held-out pairs, and the reference's.

        Returns:
            Seconds; a precomputed reference costs no forward.
        """
        return self._seconds(self.report.eval_rows, 1.0 + _reference_passes(self.option))

    def reference_seconds(self) -> float:
        """Predict the time of precomputing the reference: one forward over every pair.

        Returns:
            Seconds; 0 for a reference that is computed at each step.
        """
        if not self.option.strategy.precompute:
            return 0.0
        settings = self.option.settings
        pairs = reference_batch_size(settings.pairs, checkpointing=settings.checkpointing)
        work = training_work(self.spec, self.report)
        return self._seconds(work.rows + work.eval_rows, 1.0, pairs)

    def estimate(self, step: float) -> Estimate:
        """Predict hours and cost of the whole run, the evaluation after training included.

        Args:
            step: Seconds of one optimizer step, from `step_seconds`.

        Returns:
            Hours, cost, and what they consist of; zeros where the number of rows is not known.
        """
        work = training_work(self.spec, self.report)
        if not work.steps:
            return Estimate(hours=0.0, cost=Decimal(0), step_seconds=round(step, 4))
        save = save_seconds(self.shape, self.option.settings)
        after = EvaluationWork(self.spec, self.report, self.shape, self.pool, self.option)
        evaluation = self.evaluation_seconds() + after.seconds_during()
        evaluations = count_evaluations(self.spec, work, work.steps * step, evaluation + save)
        # Each evaluation has its checkpoint, the end has one, and none is far from the one before; a
        # step has at most one.
        by_time = min(int(work.steps * step / save_interval_seconds(save)), work.steps)
        estimate = Estimate(
            hours=0.0,
            cost=Decimal(0),
            steps=work.steps,
            step_seconds=round(step, 4),
            evaluations=evaluations,
            evaluation_seconds=round(evaluation, 2),
            checkpoints=max(evaluations, by_time, 1),
            checkpoint_seconds=round(save, 2),
            reference_seconds=round(self.reference_seconds(), 2),
            task_seconds=round(after.task_seconds(), 2),
            answer_seconds=round(after.answer_seconds(), 2),
            judge_seconds=round(after.judge_seconds(), 2),
            judge_cost=after.judge_cost(),
        )
        hours = round(estimate.seconds() / 3600, 4)
        cost = Decimal(str(hours)) * self.option.gpus * self.pool.price + estimate.judge_cost
        return estimate.model_copy(update={"hours": hours, "cost": cost})

    def _seconds(self, rows: float, passes: float, pairs: int | None = None) -> float:
        """Seconds of `passes` forward passes over `rows` pairs on all GPUs, `pairs` in a micro-batch."""
        option = self.option
        pairs = pairs or option.settings.pairs
        length = padded_length(self.report.lengths, pairs, self.spec.training.max_length)
        tokens = 2 * pairs * length * self.work
        per_gpu = rows / option.gpus / (MULTI_GPU_EFFICIENCY if option.gpus > 1 else 1.0)
        each = pass_seconds(
            self.shape, option.strategy.method, tokens, length, sustained_flops(self.pool.gpu)
        )
        return per_gpu / pairs * passes * each


def _reference_passes(option: TrainingOption) -> float:
    return 0.0 if option.strategy.precompute else 1.0


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
    return 1.0 + backward + recomputed + _reference_passes(option)
