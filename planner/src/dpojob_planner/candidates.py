"""Whether and how a job fits on one pool."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from dpojob_api.plan import Estimate
from dpojob_api.report import InspectionReport, ModelFacts
from dpojob_api.spec import DPOJobSpec

from .budget import Within, excess, within
from .estimates.cost_model import estimate, step_seconds
from .estimates.gpu import usable_gib
from .estimates.memory import Need, need
from .estimates.model_shape import Shape, shape_of
from .pools import PoolState
from .search_space import Option, options, rungs

PRECOMPUTING_SAVES = 0.02
"""Share of the time from which on the reference is computed ahead although there is room for its copy:
over several epochs, since the reference's pass over a pair is then made once and not in each."""


@dataclass(frozen=True)
class Fit:
    """One option on one pool, with its figures."""

    pool: PoolState
    option: Option
    need: Need
    estimate: Estimate
    step_seconds: float

    @property
    def available_gib(self) -> float:
        """What a GPU of the pool offers."""
        return usable_gib(self.pool.spec.gpu)

    @property
    def fits_memory(self) -> bool:
        """Whether the predicted peak is within what a GPU offers."""
        return self.need.total_gib <= self.available_gib


@dataclass(frozen=True)
class Outcome:
    """What became of one pool with one number of GPUs."""

    taken: Fit | None = None
    """The first method that fits memory and budget, its fastest setting."""
    slower: Fit | None = None
    """The same method with the reference at each step: fits as well, and takes longer."""
    over_budget: Fit | None = None
    """Fits memory; the cheapest such option, when none is within the budget."""
    smallest: Fit | None = None
    """The option that needs least, when none fits memory; None when no rung is open."""
    tried: tuple[str, ...] = ()
    """One clause for each rung that was left before the one that fits."""

    @property
    def best(self) -> Fit | None:
        """The fit to speak of: taken, else too dear, else too large; None when no rung is open."""
        return self.taken or self.over_budget or self.smallest


@dataclass(frozen=True)
class Attempt:
    """One pool tried with one number of GPUs."""

    pool: PoolState
    gpus: int
    outcome: Outcome


@dataclass(frozen=True)
class Job:
    """Everything a fit depends on besides the pool."""

    spec: DPOJobSpec
    report: InspectionReport
    facts: ModelFacts
    shape: Shape

    @classmethod
    def of(cls, spec: DPOJobSpec, report: InspectionReport, facts: ModelFacts) -> Job:
        """The job, its model's shape filled in."""
        return cls(spec, report, facts, shape_of(facts))

    def fit(self, pool: PoolState, option: Option) -> Fit:
        """Figures of one option on one pool."""
        step = step_seconds(self.spec, self.report, self.shape, pool.spec, option)
        return Fit(
            pool,
            option,
            need(self.shape, option.setting),
            estimate(self.spec, self.report, self.shape, pool.spec, option, step),
            step,
        )

    def excess(self, fit: Fit) -> str | None:
        """By how much a fit exceeds the budget, as a clause; None when it does not."""
        return excess(self.spec.budget, fit.estimate)

    def within(self, fit: Fit) -> Within:
        """Fewer epochs or pairs with which this fit would be within the budget."""
        training = self.spec.training

        def price(epochs: float, rows: int) -> Estimate:
            changed = training.model_copy(update={"epochs": epochs})
            spec = self.spec.model_copy(update={"training": changed})
            report = self.report.model_copy(update={"train_rows": rows})
            return estimate(spec, report, self.shape, fit.pool.spec, fit.option, fit.step_seconds)

        rows = self.report.train_rows or self.report.valid_rows
        batches = -(-rows // training.batch_size)
        return within(self.spec.budget, training.epochs, batches, training.batch_size, price)

    def try_pool(self, pool: PoolState, gpus: int) -> Outcome:
        """Climb down the ladder on one pool until something fits memory and budget."""
        tried: list[str] = []
        costly: list[Fit] = []
        smallest: list[Fit] = []
        allowed = rungs(self.spec, self.facts, pool.spec.method)
        for _, variants in itertools.groupby(allowed, key=lambda rung: rung.method):
            open_: list[Fit] = []
            for rung in variants:
                every = [
                    self.fit(pool, option) for option in options(self.spec, self.facts, rung, gpus)
                ]
                if not every:
                    continue
                within = [fit for fit in every if fit.fits_memory]
                affordable = [fit for fit in within if self.excess(fit) is None]
                if affordable:
                    open_.append(min(affordable, key=_fastest))
                elif within:
                    costly.append(min(within, key=_fastest))
                    tried.append(f"{rung} {self.excess(costly[-1])}")
                elif not rung.for_time_alone:
                    smallest.append(min(every, key=lambda fit: fit.need.total_gib))
                    least = smallest[-1].need.total_gib
                    tried.append(f"{rung} needs at least {least:.1f} GiB")
            if open_:
                # In one epoch every pair passes the reference once either way.
                repeated = self.spec.training.epochs > 1
                taken = min(open_, key=_worth) if repeated else open_[0]
                slower = next((fit for fit in open_ if fit is not taken), None)
                return Outcome(
                    taken=taken,
                    slower=slower if taken.option.rung.precompute else None,
                    tried=tuple(tried),
                )
        return Outcome(
            over_budget=min(costly, key=_fastest) if costly else None,
            smallest=min(smallest, key=lambda fit: fit.need.total_gib) if smallest else None,
            tried=tuple(tried),
        )


def _worth(fit: Fit) -> float:
    """Hours, with what computing the reference ahead must save at least to be taken."""
    share = PRECOMPUTING_SAVES if fit.option.rung.precompute else 0.0
    return fit.estimate.hours / (1.0 - share)


def _fastest(fit: Fit) -> tuple[float, float, int, int, bool]:
    """Least time; then without sharding, the larger batch, and no recomputation.

    Where the number of rows is not known, the time of a step decides: it is most of the whole.
    """
    setting = fit.option.setting
    time = (fit.estimate.hours, fit.step_seconds)
    return (*time, setting.shards, -setting.pairs, setting.checkpointing)
