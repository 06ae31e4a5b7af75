"""Whether and how a job fits on one pool."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from dpojob_api.plan import Estimate
from dpojob_api.report import InspectionReport, ModelFacts
from dpojob_api.spec import DPOJobSpec

from .budget import AffordableWork, affordable_work, budget_excess
from .estimates import (
    MEMORY_MARGIN,
    CostModel,
    EvaluationWork,
    MemoryEstimate,
    ModelShape,
    PrefixSharing,
    TrainingOption,
    decide_prefix_sharing,
    estimate_memory,
    infer_model_shape,
    usable_gib,
)
from .pools import PoolState
from .search_space import allowed_strategies, training_options

PRECOMPUTE_MIN_SAVING = 0.02
"""Share of the time that must be saved before the reference is precomputed although its copy fits in
memory. Over several epochs precomputing saves time, since the reference's forward over a pair is then
made once and not once an epoch; over one, where the memory that it frees allows a larger batch or spares
recomputing activations."""
CACHE_MAX_LOSS = 0.1
"""Share of the time by which a precomputed reference may make a job longer where it is kept for later jobs."""
ASSUMED_ROWS = 10_000
"""Preference pairs by which settings are compared while their number is not known."""


@dataclass(frozen=True)
class Candidate:
    """One training option on one pool, with its predicted figures."""

    pool: PoolState
    option: TrainingOption
    memory: MemoryEstimate
    estimate: Estimate
    comparable_hours: float
    """Hours by which candidates are compared: the estimate's, or those of ASSUMED_ROWS pairs."""

    @property
    def available_gib(self) -> float:
        """Memory that one GPU of the pool offers, GiB."""
        return usable_gib(self.pool.spec.gpu)

    @property
    def fillable_gib(self) -> float:
        """Memory of one GPU that a plan may fill, GiB: all but the margin."""
        return (1.0 - MEMORY_MARGIN) * self.available_gib

    @property
    def fits_memory(self) -> bool:
        """Whether the predicted peak is within what may be filled of one GPU."""
        return self.memory.total_gib <= self.fillable_gib


@dataclass(frozen=True)
class TrialResult:
    """The result of trying one pool with one number of GPUs."""

    selected: Candidate | None = None
    """The first method that fits memory and budget, with its fastest settings."""
    slower: Candidate | None = None
    """The same method with the reference computed at each step: fits as well, and takes longer."""
    over_budget: Candidate | None = None
    """The cheapest candidate that fits in memory, when none is within the budget."""
    smallest: Candidate | None = None
    """The candidate that needs least memory, when none fits; None when no strategy is allowed."""
    rejected: tuple[str, ...] = ()
    """One clause for each strategy that was rejected before the selected one."""

    @property
    def best(self) -> Candidate | None:
        """The candidate to report: selected, else over budget, else too large; None if there is none."""
        return self.selected or self.over_budget or self.smallest


@dataclass(frozen=True)
class PoolTrial:
    """One pool tried with one number of GPUs."""

    pool: PoolState
    gpus: int
    result: TrialResult


@dataclass(frozen=True)
class PlanningContext:
    """Everything a candidate depends on besides the pool."""

    spec: DPOJobSpec
    report: InspectionReport
    facts: ModelFacts
    shape: ModelShape
    sharing: PrefixSharing

    @classmethod
    def create(
        cls, spec: DPOJobSpec, report: InspectionReport, facts: ModelFacts
    ) -> PlanningContext:
        """Make the context of a job, with the model's shape completed.

        Args:
            spec: The job's spec.
            report: The inspection report.
            facts: What inspection found out about the model.

        Returns:
            The context.
        """
        shape = infer_model_shape(facts)
        sharing = decide_prefix_sharing(spec, report, facts, shape)
        return cls(spec, report, facts, shape, sharing)

    def evaluate(self, pool: PoolState, option: TrainingOption) -> Candidate:
        """Predict memory, time and cost of one option on one pool, with those of the evaluation after training.

        Args:
            pool: The pool.
            option: Method, settings of one GPU, and number of GPUs.

        Returns:
            The candidate, whether it fits or not.
        """
        estimate = self._estimate(pool, option)
        hours = estimate.hours
        if not estimate.steps:
            report = self.report.model_copy(update={"train_rows": ASSUMED_ROWS})
            hours = replace(self, report=report)._estimate(pool, option).hours
        memory = estimate_memory(self.shape, option.settings)
        if self.spec.evaluation is not None:
            work = self.evaluation_work(pool, option)
            memory = max(work.memory_beside(memory), work.memory(), key=lambda each: each.total_gib)
        return Candidate(pool, option, memory, estimate, hours)

    def evaluation_work(self, pool: PoolState, option: TrainingOption) -> EvaluationWork:
        """Describe the evaluation after training with one option on one pool.

        Args:
            pool: The pool.
            option: Method, settings of one GPU, and number of GPUs.

        Returns:
            Its work, of which time, memory and cost are predicted.
        """
        return EvaluationWork(self.spec, self.report, self.shape, pool.spec, option)

    def _estimate(self, pool: PoolState, option: TrainingOption) -> Estimate:
        model = CostModel(self.spec, self.report, self.shape, pool.spec, option, self.sharing.work)
        return model.estimate(model.step_seconds())

    def budget_excess(self, candidate: Candidate) -> str | None:
        """Describe by how much a candidate exceeds the job's budget.

        Args:
            candidate: The candidate.

        Returns:
            A clause; None when it is within the budget.
        """
        return budget_excess(self.spec.budget, candidate.estimate)

    def affordable_work(self, candidate: Candidate) -> AffordableWork:
        """Find the epochs or pairs with which a candidate would be within the budget.

        Args:
            candidate: A candidate that exceeds the budget.

        Returns:
            The most epochs and the most pairs that the budget allows.
        """
        training = self.spec.training

        def estimate(epochs: float, rows: int) -> Estimate:
            changed = training.model_copy(update={"epochs": epochs})
            spec = self.spec.model_copy(update={"training": changed})
            report = self.report.model_copy(update={"train_rows": rows})
            pool, option = candidate.pool.spec, candidate.option
            model = CostModel(spec, report, self.shape, pool, option, self.sharing.work)
            return model.estimate(candidate.estimate.step_seconds)

        rows = self.report.train_rows or self.report.valid_rows
        batches = -(-rows // training.batch_size)
        return affordable_work(
            self.spec.budget, training.epochs, batches, training.batch_size, estimate
        )

    def try_pool(self, pool: PoolState, gpus: int) -> TrialResult:
        """Try the strategies on one pool, in their order, until one fits memory and budget.

        Args:
            pool: The pool.
            gpus: GPUs to use, over all nodes.

        Returns:
            The selected candidate, or the nearest one and the reason why each strategy was rejected.
        """
        rejected: list[str] = []
        costly: list[Candidate] = []
        smallest: list[Candidate] = []
        allowed = allowed_strategies(self.spec, self.facts, pool.spec.method, pool.spec.gpu)
        for _, variants in itertools.groupby(
            allowed, key=lambda each: (each.method, each.optimizer)
        ):
            accepted: list[Candidate] = []
            for strategy in variants:
                candidates = [
                    self.evaluate(pool, option)
                    for option in training_options(
                        self.spec,
                        self.facts,
                        strategy,
                        gpus,
                        shared_prefixes=self.sharing.used,
                    )
                ]
                fitting = [each for each in candidates if each.fits_memory]
                affordable = [each for each in fitting if self.budget_excess(each) is None]
                if affordable:
                    accepted.append(min(affordable, key=_speed_key))
                elif fitting:
                    costly.append(min(fitting, key=_speed_key))
                    rejected.append(f"{strategy} {self.budget_excess(costly[-1])}")
                elif not strategy.saves_only_time:
                    smallest.append(min(candidates, key=_memory_key))
                    rejected.append(
                        f"{strategy} needs at least {smallest[-1].memory.total_gib:.1f} GiB"
                    )
            if accepted:
                selected = min(accepted, key=self._weighted_hours)
                slower = next((each for each in accepted if each is not selected), None)
                return TrialResult(
                    selected=selected,
                    slower=slower if selected.option.strategy.precompute else None,
                    rejected=tuple(rejected),
                )
        return TrialResult(
            over_budget=min(costly, key=_speed_key) if costly else None,
            smallest=min(smallest, key=_memory_key) if smallest else None,
            rejected=tuple(rejected),
        )

    def _weighted_hours(self, candidate: Candidate) -> float:
        """Hours, raised for a precomputed reference by the share that it must save to be selected."""
        share = 0.0
        if candidate.option.strategy.precompute:
            share = PRECOMPUTE_MIN_SAVING if self.spec.cache is None else -CACHE_MAX_LOSS
        return candidate.comparable_hours / (1.0 - share)


def _memory_key(candidate: Candidate) -> float:
    return candidate.memory.total_gib


def _speed_key(candidate: Candidate) -> tuple[float, int, int, bool]:
    """Sort key: least time; then without sharding, the larger batch, and no recomputation."""
    settings = candidate.option.settings
    hours = candidate.comparable_hours
    return (hours, settings.shards, -settings.pairs, settings.checkpointing)
