"""The verdict on a tuned model from its benchmark tasks, alone and beside a judge's."""

from __future__ import annotations

from collections.abc import Sequence

from dpojob_api.conditions import Reason
from dpojob_api.evaluation import Evaluation, TaskResult
from dpojob_api.spec import Requirement
from dpojob_trainer.training.evaluation.statistics.paired_results import (
    FEWEST_SAMPLES,
    has_few_samples,
    is_different,
    needed_samples,
)

Verdict = tuple[Reason, str]
PRECEDENCE = (
    Reason.NOT_BETTER,
    Reason.TASK_REGRESSED,
    Reason.LONGER_ONLY,
    Reason.REQUIREMENT_NOT_MET,
    Reason.NOT_EVALUATED,
    Reason.INCONCLUSIVE,
    Reason.BETTER_THAN_BASE,
)
"""The verdicts in their order; of two, the earlier one counts: what is known to be worse before what is not known."""


def with_task_verdict(
    evaluation: Evaluation, require: Requirement | None, *, judged: bool
) -> Evaluation:
    """`evaluation` with a verdict that takes its tasks into account.

    Args:
        evaluation: With the results of at least one task and, where a judge was asked for, its verdict.
        require: What the user requires.
        judged: Whether a judge was asked for; then tasks that did not get worse decide nothing.
    """
    reason, message = task_verdict(evaluation.tasks, require)
    if judged and evaluation.verdict is not None:
        other = Reason(evaluation.verdict)
        unchanged = not (_failed(evaluation.tasks) or _over(evaluation.tasks, require))
        if unchanged or PRECEDENCE.index(other) <= PRECEDENCE.index(reason):
            reason, message = other, f"{evaluation.message} {message}"
        else:
            message = f"{message} {evaluation.message}"
    return evaluation.model_copy(update={"verdict": reason, "message": message})


def task_verdict(results: Sequence[TaskResult], require: Requirement | None) -> Verdict:
    """The verdict of the tasks alone, with the sentence that explains it.

    A task has regressed where it is worse, its paired interval and test exclude 0, and the loss is more than
    `require.maxTaskDrop` allows. A loss that is more than that and may be chance decides nothing.

    Args:
        results: At least one result.
        require: What the user requires.
    """
    over = _over(results, require)
    regressed = [result for result in over if is_different(result)]
    if regressed:
        return (
            Reason.TASK_REGRESSED,
            f"{_described(regressed)}: worse than before{_allowed(require)}.",
        )
    failed = _failed(results)
    if failed:
        return Reason.NOT_EVALUATED, " ".join(
            f"Task {result.name} has no result: {result.error}." for result in failed
        )
    if over and _tolerance(require) is not None:
        few = _few(over)
        if few:
            return Reason.INCONCLUSIVE, f"{_described(over)}{_allowed(require)}.{few}"
        needed = needed_samples(over[0].difference) if over[0].difference is not None else None
        enough = f"; about {needed} samples would decide" if needed else ""
        return Reason.INCONCLUSIVE, (
            f"{_described(over)}{_allowed(require)}, and the interval holds 0{enough}."
        )
    better = [result for result in results if is_different(result) and result.change > 0]
    if better:
        return Reason.BETTER_THAN_BASE, f"{_described(better)}: better than before."
    return Reason.INCONCLUSIVE, f"{_described(results)}: no task shows a difference.{_few(results)}"


def within_requirement(results: Sequence[TaskResult], require: Requirement | None) -> bool:
    """Whether every task has a result, and none lost more than is allowed."""
    return not _failed(results) and not _over(results, require)


def _failed(results: Sequence[TaskResult]) -> list[TaskResult]:
    return [result for result in results if result.difference is None]


def _over(results: Sequence[TaskResult], require: Requirement | None) -> list[TaskResult]:
    """The tasks whose loss counts, the largest first: more than is allowed, or else one that is no chance."""
    tolerance = _tolerance(require)
    lost = sorted((result for result in results if result.change < 0), key=lambda r: r.change)
    if tolerance is None:
        return [result for result in lost if is_different(result)]
    return [result for result in lost if -result.change > tolerance]


def _tolerance(require: Requirement | None) -> float | None:
    drop = require.max_task_drop if require is not None else None
    return None if drop is None else float(drop)


def _allowed(require: Requirement | None) -> str:
    drop = require.max_task_drop if require is not None else None
    return "" if drop is None else f", and evaluation.require.maxTaskDrop is {drop}"


def _few(results: Sequence[TaskResult]) -> str:
    few = [result.name for result in results if has_few_samples(result)]
    return f" Fewer than {FEWEST_SAMPLES} samples decide nothing: {', '.join(few)}." if few else ""


def _described(results: Sequence[TaskResult]) -> str:
    return "; ".join(map(_describe, results))


def _describe(result: TaskResult) -> str:
    """Such as `Task ifeval went from 0.41 to 0.38 (95% interval of the change -0.06 to -0.01)`."""
    before = result.before.value if result.before is not None else None
    after = result.after.value if result.after is not None else None
    text = f"Task {result.name} went from {_figure(before)} to {_figure(after)}"
    change = result.difference
    if change is None or change.low is None or change.high is None:
        return text
    return f"{text} (95% interval of the change {_figure(change.low)} to {_figure(change.high)})"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
