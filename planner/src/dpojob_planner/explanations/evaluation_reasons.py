"""What the evaluation after training takes of time, memory and money, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from dpojob_api.plan import Estimate
from dpojob_api.quantity import format_duration, money
from dpojob_api.shared_training_constants import FEWEST_JUDGED_DURING
from dpojob_planner.candidates import Candidate, PlanningContext


def evaluation_reasons(context: PlanningContext, chosen: Candidate) -> Iterator[str]:
    """Explain what spec.evaluation adds to the plan.

    Args:
        context: The job.
        chosen: The candidate to train with.

    Yields:
        Sentences; none without spec.evaluation, and none where nothing is estimated.
    """
    evaluation, estimate = context.spec.evaluation, chosen.estimate
    if evaluation is None or not estimate.steps:
        return
    work = context.evaluation_work(chosen.pool, chosen.option)
    memory = f"needs at least {work.memory().total_gib:.1f} GiB"
    judge = evaluation.judge
    judged = " and judges the answers" if judge is not None else ""
    seconds = estimate.after_seconds() - estimate.task_seconds
    yield (
        f"The evaluation after training answers {work.prompts} prompts with both models{judged} in about "
        f"{format_duration(seconds)}, which is part of the time above, and {memory}."
    )
    if work.prompts_during:
        yield (
            f"At each evaluation of the training, {work.prompts_during} more prompts are answered and judged "
            f"(everyEval), in about {format_duration(work.seconds_during())}."
        )
    elif evaluation.every_eval and chosen.option.gpus == 1 and context.report.eval_rows:
        yield (
            f"{context.report.eval_rows} held-out pairs are fewer than the {3 * FEWEST_JUDGED_DURING} that everyEval "
            "needs, so no checkpoint is judged and all of them are for the verdict: the held-out loss chooses the "
            "checkpoint."
        )
    elif evaluation.every_eval:
        yield "everyEval is for one GPU and held-out pairs: the held-out loss chooses the checkpoint."
    if judge is not None and estimate.judge_cost:
        yield (
            f"evaluation.judge.endpoint is asked {2 * work.prompts} times, for about "
            f"{money(estimate.judge_cost)} of the cost above."
        )
    if judge is not None and judge.program is not None:
        yield "How long evaluation.judge.program takes is not known, and not part of the time."
    if evaluation.tasks:
        price = chosen.option.gpus * chosen.pool.spec.price
        yield (
            f"evaluation.tasks take at most {format_duration(estimate.task_seconds)}, their part of "
            f"evaluation.maxDuration, which is part of the time above, and {money(_cost(estimate.task_seconds, price))} "
            "of the cost: how many samples they have is known in the training pod."
        )


def evaluation_share(estimate: Estimate, price: Decimal) -> str:
    """Describe which part of an estimate is the evaluation's.

    Args:
        estimate: Predicted time and cost of a job with spec.evaluation.
        price: Of all GPUs for an hour, in the installation's currency.

    Returns:
        A sentence with a remedy.
    """
    seconds = estimate.after_seconds()
    cost = estimate.judge_cost + _cost(seconds, price)
    lower = "evaluation.maxDuration" if estimate.task_seconds else "evaluation.prompts.max"
    return (
        f"Of it the evaluation is about {format_duration(seconds)} and {money(cost)}; a lower {lower} "
        "takes less."
    )


def _cost(seconds: float, price: Decimal) -> Decimal:
    """The cost of all GPUs, by their price for an hour."""
    return Decimal(str(seconds)) * price / 3600
