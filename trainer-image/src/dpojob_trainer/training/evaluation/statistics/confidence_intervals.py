"""Intervals of win rates and of paired changes, all at 95%.

statsmodels computes every interval; it takes seconds to import, so each function does that itself.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from dpojob_api.evaluation import Interval

CHANCE = 0.5
"""Win rate and reward accuracy where the answers are chosen at random."""
ALPHA = 0.05
"""1 minus the confidence level of every interval."""
LENGTH_UNIT = math.log(1.1)
"""A length greater by a tenth: the unit of the second coefficient of the length-controlled model."""


def proportion_interval(successes: float, trials: float) -> Interval:
    """The Wilson interval of a proportion (Wilson 1927), by statsmodels' `proportion_confint`.

    Args:
        successes: How many trials succeeded; may be fractional.
        trials: All trials, more than 0.
    """
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, trials, alpha=ALPHA, method="wilson")
    return _interval(successes / trials, low, high, trials)


def win_rate(outcomes: Sequence[float]) -> Interval:
    """The mean of wins (1), ties (0.5) and losses (0), with a Wilson interval that takes ties into account.

    Ties vary less than wins and losses. The interval is computed for the number of comparisons without
    ties that would have the same variance (the effective sample size of Kish 1965; Korn and Graubard 1998
    use it in intervals of proportions).

    Args:
        outcomes: One number per prompt; at least one.
    """
    values = np.asarray(outcomes, dtype=float)
    rate = float(values.mean())
    effective = len(values) * _design_factor(values)
    interval = proportion_interval(rate * effective, effective)
    return interval.model_copy(update={"n": len(values)})


def _design_factor(values: np.ndarray[Any, Any]) -> float:
    """Variance without ties over the variance of these outcomes; 1 where they do not vary."""
    rate, variance = float(values.mean()), float(values.var())
    return rate * (1 - rate) / variance if variance > 0 else 1.0


def length_controlled_win_rate(
    outcomes: Sequence[float], before: Sequence[int], after: Sequence[int]
) -> Interval:
    """The win rate that is expected where both answers are equally long.

    A logistic regression of the outcome on the logarithm of the lengths' ratio, evaluated at the ratio 1,
    as the length-controlled AlpacaEval does (Dubois et al. 2024). Each coefficient has the weak log-F(1,1)
    prior of Greenland and Mansournia (2015), as one added observation: where the longer answer always
    wins, the data alone cannot tell length from anything else, and the prior gives the credit to
    whichever needs the smaller coefficient.

    Args:
        outcomes: Per prompt: 1 where the tuned model wins, 0.5 for a tie, else 0.
        before: Lengths of the answers of the model before, characters, which are what a judge sees.
        after: Lengths of the tuned model's answers, characters.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    ratio = (np.log1p(np.asarray(after, float)) - np.log1p(np.asarray(before, float))) / LENGTH_UNIT
    design = np.column_stack([np.ones(len(ratio)), ratio])
    values = np.asarray(outcomes, dtype=float)
    factor = _design_factor(values)
    weights = np.concatenate([np.full(len(values), factor), [1.0, 1.0]])
    with warnings.catch_warnings():
        # The added observations keep the estimate finite where the outcomes are separated.
        warnings.simplefilter("ignore")
        fitted = GLM(
            np.concatenate([values, [0.5, 0.5]]),
            np.vstack([design, np.eye(2)]),
            family=Binomial(),
            freq_weights=weights,
        ).fit(maxiter=200)
        predicted = fitted.get_prediction(np.array([[1.0, 0.0]]))
        low, high = predicted.conf_int(alpha=ALPHA)[0]
    return _interval(float(predicted.predicted[0]), low, high, len(values))


def paired_change(
    before: Sequence[float], after: Sequence[float], *, comparisons: int = 1
) -> Interval:
    """The mean of after less before over the same prompts, with Student's t interval of statsmodels.

    Args:
        before: One value per prompt.
        after: The same prompts' values; an interval needs at least two.
        comparisons: How many changes are looked at, by which 1 minus the level is divided (Bonferroni).
    """
    from statsmodels.stats.weightstats import DescrStatsW

    change = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    mean = float(change.mean())
    if len(change) < 2:
        return Interval(value=mean, n=len(change))
    low, high = DescrStatsW(change).tconfint_mean(alpha=ALPHA / comparisons)
    return _interval(mean, low, high, len(change))


def needed_comparisons(outcomes: Sequence[float]) -> int | None:
    """How many comparisons would tell this win rate from 50%; None where it is 50%.

    The sample size at which the half-width of the interval is the distance from 50%, by statsmodels'
    `samplesize_confint_proportion`.

    Args:
        outcomes: Per prompt: 1 for a win, 0.5 for a tie, else 0.
    """
    from statsmodels.stats.proportion import samplesize_confint_proportion

    values = np.asarray(outcomes, dtype=float)
    rate = float(values.mean())
    distance = abs(rate - 0.5)
    if distance < 1e-9:
        return None
    # Where all or none were won, the variance of the next comparisons is unknown: take the largest.
    share = rate if 0 < rate < 1 else 0.5
    needed = samplesize_confint_proportion(share, distance, alpha=ALPHA) / _design_factor(values)
    return math.ceil(float(needed))


def sign_test(wins: int, losses: int) -> float:
    """The p-value of the exact two-sided sign test, of SciPy; 1 where nothing but ties is known.

    Intervals rest on approximations that a few wins among many ties do not fit: 5 wins without a loss have a
    p-value of 0.06, whatever the number of ties.
    """
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def contains(interval: Interval, value: float) -> bool:
    """Whether the interval contains the value; one without ends contains every value."""
    if interval.low is None or interval.high is None:
        return True
    return interval.low <= value <= interval.high


def _interval(value: float, low: float, high: float, n: float) -> Interval:
    return Interval(value=float(value), low=float(low), high=float(high), n=round(n))
