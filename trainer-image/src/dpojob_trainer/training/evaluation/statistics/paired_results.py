"""What the difference of two models in a task shows: means, the paired interval and test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dpojob_api.evaluation import Interval, TaskResult, TaskScore

from .confidence_intervals import ALPHA, paired_change

MCNEMAR = "McNemar"
PAIRED_T = "PairedT"
FEWEST_SAMPLES = 20
"""A task with fewer samples is called neither better nor worse."""


def paired_result(
    name: str,
    metric: str,
    before: Sequence[float],
    after: Sequence[float],
    *,
    higher_is_better: bool,
    limit: int | None,
) -> TaskResult:
    """The result of a task, with the p-value of this task alone.

    Args:
        name: The task's name.
        metric: The metric's name.
        before: The values of the model before, one per sample; at least one.
        after: Those of the tuned model, of the same samples.
        higher_is_better: Whether a higher value is the better one.
        limit: The largest number of samples that was asked for.
    """
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    binary = bool(np.isin(np.concatenate([first, second]), (0.0, 1.0)).all())
    return TaskResult(
        name=name,
        metric=metric,
        higher_is_better=higher_is_better,
        before=_score(first),
        after=_score(second),
        difference=_rounded(
            _binary_difference(first, second) if binary else _difference(first, second)
        ),
        test=MCNEMAR if binary else PAIRED_T,
        p_value=_round(_mcnemar(first, second) if binary else _paired_t(first, second)),
        limit=limit,
    )


def adjusted(results: Sequence[TaskResult]) -> list[TaskResult]:
    """The results with p-values adjusted for their number by Holm's method (1979), as statsmodels has it.

    Otherwise about one of twenty tasks that training left unchanged would be called different.
    """
    from statsmodels.stats.multitest import multipletests

    values = [result.p_value for result in results if result.p_value is not None]
    if not values:
        return list(results)
    corrected = iter(multipletests(values, alpha=ALPHA, method="holm")[1])
    return [
        result
        if result.p_value is None
        else result.model_copy(update={"p_value": _round(float(next(corrected)))})
        for result in results
    ]


def is_different(result: TaskResult) -> bool:
    """Whether both the interval and the adjusted test exclude that nothing changed, on enough samples."""
    difference, p = result.difference, result.p_value
    if has_few_samples(result):
        return False
    if difference is None or difference.low is None or difference.high is None or p is None:
        return False
    return not difference.low <= 0.0 <= difference.high and p < ALPHA


def has_few_samples(result: TaskResult) -> bool:
    """Whether the task had too few samples to be called better or worse."""
    return result.difference is not None and result.difference.n < FEWEST_SAMPLES


def needed_samples(difference: Interval) -> int | None:
    """About how many samples would tell this difference from 0; None where it is 0.

    The half-width of the interval falls with the square root of the samples.
    """
    if not difference.value or difference.low is None or difference.high is None:
        return None
    half = (difference.high - difference.low) / 2
    return math.ceil(difference.n * (half / difference.value) ** 2)


def _score(values: np.ndarray[Any, Any]) -> TaskScore:
    """The mean with its standard error; without one for a single sample."""
    from scipy.stats import sem

    error = float(sem(values)) if len(values) > 1 else None
    return TaskScore(value=_round(float(values.mean())), standard_error=_round(error))


def _difference(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]) -> Interval:
    return paired_change(before.tolist(), after.tolist())


def _binary_difference(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]) -> Interval:
    """The difference of two paired proportions, with the adjusted Wald interval of Bonett and Price (2012).

    It is the interval of the mean change with one sample added that was gained and one that was lost, so
    that a few samples without any change do not show that there is none.
    """
    change = after - before
    widened = paired_change([0.0] * (len(change) + 2), [*change.tolist(), 1.0, -1.0])
    return widened.model_copy(update={"value": float(change.mean()), "n": len(change)})


def _mcnemar(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]) -> float:
    """The p-value of McNemar's exact test (1947), of statsmodels."""
    from statsmodels.stats.contingency_tables import mcnemar

    lost, gained = int((before > after).sum()), int((after > before).sum())
    return float(mcnemar([[0, lost], [gained, 0]], exact=True).pvalue)


def _paired_t(before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]) -> float | None:
    """The p-value of Student's paired t-test, of SciPy; 1 where no sample changed."""
    from scipy.stats import ttest_rel

    if len(before) < 2:
        return None
    if (before == after).all():
        return 1.0
    return float(ttest_rel(after, before).pvalue)


def _rounded(interval: Interval) -> Interval:
    return interval.model_copy(
        update={name: _round(getattr(interval, name)) for name in ("value", "low", "high")}
    )


def _round(value: float | None) -> float | None:
    """Four significant digits: the status has no room for more."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")
