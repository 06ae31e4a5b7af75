"""Health guards: known failures of DPO that show in a run's log. Each gives its figures and advice.

Points are TRL's log records: a dict with `step` and its metrics. Evaluation records carry
`eval_loss`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from dpojob_api.conditions import Reason
from dpojob_api.progress import Health

Point = Mapping[str, float]

EARLY_SHARE = 0.05
"""The first part of a run, in which a high reward accuracy cannot have been learned yet."""
EARLY_STEPS = 10
"""The least number of steps in that part."""
SATURATED = 0.98
"""Mean reward accuracy from which this guard reports."""
COLLAPSE_SHARE = 0.5
"""The fall of the chosen log-probabilities that is reported, as a share of their first value."""
COLLAPSE_NATS = 20.0
"""The least fall that is reported, in nats, so that short answers are not reported."""
FLAT_SHARE = 0.3
"""The share of the steps after which the margin is checked."""
FLAT_POINTS = 30
"""The number of points after which it is checked."""
OVERFIT_EVALUATIONS = 3
"""Consecutive evaluations with a loss above the best."""
OVERFIT_RISE = 0.05
"""The least share by which each of them is above it."""
HACKED_EVALUATIONS = 2
"""Consecutive judged evaluations with a win rate below the best, by an interval that does not hold 0."""
NOT_A_NUMBER_IN_A_ROW = 3
"""Consecutive gradient norms that are not finite; one alone comes from fp16's loss scaling."""


def check_health(points: Sequence[Point], max_steps: int) -> Health:
    """The result of the first guard that reports a problem, most severe first; healthy when none does."""
    train = [p for p in points if "rewards/margins" in p]
    evaluations = [p for p in points if "eval_loss" in p]
    return (
        _not_a_number(train)
        or _reward_hacking(evaluations)
        or _saturated(train, max_steps)
        or _collapse(train)
        or _overfitting(train, evaluations)
        or _flat(train, max_steps)
        or Health(message=_summary(train))
    )


def _unhealthy(reason: Reason, message: str) -> Health:
    return Health(healthy=False, reason=reason, message=message)


def _summary(train: Sequence[Point]) -> str:
    if not train:
        return "No step was logged yet."
    last = train[-1]
    return (
        f"Step {int(last['step'])}: reward margin {last['rewards/margins']:.3g}, "
        f"reward accuracy {last['rewards/accuracies']:.0%}."
    )


def _not_a_number(train: Sequence[Point]) -> Health | None:
    """Check margins and gradient norm: the logged loss may be smoothed to 0.0."""
    for point in train:
        if not math.isfinite(point["rewards/margins"]) or not math.isfinite(point.get("loss", 0.0)):
            what = "margin" if not math.isfinite(point["rewards/margins"]) else "loss"
            return _nan(f"The {what} is not a number since step {int(point['step'])}.", point)
    tail = train[-NOT_A_NUMBER_IN_A_ROW:]
    if len(tail) == NOT_A_NUMBER_IN_A_ROW and all(
        not math.isfinite(p.get("grad_norm", 0.0)) for p in tail
    ):
        return _nan(
            f"The gradient norm is not a number for {NOT_A_NUMBER_IN_A_ROW} records, "
            f"since step {int(tail[0]['step'])}.",
            tail[-1],
        )
    return None


def _nan(what: str, point: Point) -> Health:
    rate = point.get("learning_rate")
    at = f" (it is {rate:.2g})" if rate else ""
    return _unhealthy(
        Reason.NAN_LOSS,
        f"{what} The model is broken from there on. Lower training.learningRate tenfold{at}; "
        "if it persists, train on a pool with bf16 and look for extreme rows.",
    )


def _saturated(train: Sequence[Point], max_steps: int) -> Health | None:
    early = max(EARLY_STEPS, math.ceil(EARLY_SHARE * max_steps))
    # Before the first update both models are equal and every margin is 0, so step 1 is left out.
    window = [p["rewards/accuracies"] for p in train if 1 < p["step"] <= early]
    if not window or train[-1]["step"] < min(early, max_steps) or len(window) < 3:
        return None
    mean = fmean(window)
    if mean < SATURATED:
        return None
    return _unhealthy(
        Reason.ACCURACY_SATURATED_EARLY,
        f"Reward accuracy is {mean:.1%} over the first {early} of {max_steps} steps, before anything "
        "can have been learned. Either something trivial tells chosen from rejected (length, a fixed "
        "opening, an end marker), or the reference is not the model training starts from. Compare a "
        "few pairs by eye; lower training.learningRate if it is far above 5e-6.",
    )


def _collapse(train: Sequence[Point]) -> Health | None:
    width = max(5, len(train) // 20)
    if len(train) < 2 * width:
        return None
    begin = fmean(p["logps/chosen"] for p in train[:width])
    now = fmean(p["logps/chosen"] for p in train[-width:])
    rejected_begin = fmean(p["logps/rejected"] for p in train[:width])
    rejected_now = fmean(p["logps/rejected"] for p in train[-width:])
    fall = begin - now
    if fall <= max(COLLAPSE_SHARE * abs(begin), COLLAPSE_NATS) or rejected_now >= rejected_begin:
        return None
    return _unhealthy(
        Reason.CHOSEN_COLLAPSE,
        f"The chosen answers' log-probability fell from {begin:.0f} to {now:.0f} (rejected: "
        f"{rejected_begin:.0f} to {rejected_now:.0f}): the model unlearns the good answers too. Lower "
        "training.learningRate, raise training.beta, or add the SFT term: arguments: "
        "{loss_type: [sigmoid, sft], loss_weights: [1.0, 0.1]}.",
    )


def _flat(train: Sequence[Point], max_steps: int) -> Health | None:
    if len(train) < FLAT_POINTS or train[-1]["step"] < FLAT_SHARE * max_steps:
        return None
    recent = [p["rewards/margins"] for p in train[-max(10, len(train) // 3) :]]
    mean = fmean(recent)
    # (statistics.stdev works in fractions, half a millisecond each time.)
    variance = math.fsum((margin - mean) ** 2 for margin in recent) / (len(recent) - 1)
    error = math.sqrt(variance / len(recent))
    if mean > 2 * error:
        return None
    rate = max(p.get("learning_rate", 0.0) for p in train)
    return _unhealthy(
        Reason.MARGIN_FLAT,
        f"The reward margin is {mean:.2g} ± {error:.2g} after {int(train[-1]['step'])} of {max_steps} "
        f"steps: nothing is being learned. Raise training.learningRate (it peaked at {rate:.2g}; 5e-6 "
        "is usual, ten times that for lora), or check that chosen is really the better answer.",
    )


def _overfitting(train: Sequence[Point], evaluations: Sequence[Point]) -> Health | None:
    if len(evaluations) <= OVERFIT_EVALUATIONS or not train:
        return None
    best = min(evaluations, key=lambda p: p["eval_loss"])
    tail = evaluations[-OVERFIT_EVALUATIONS:]
    limit = best["eval_loss"] * (1 + OVERFIT_RISE)
    if any(p["eval_loss"] <= limit or p["step"] <= best["step"] for p in tail):
        return None
    width = max(3, len(train) // 20)
    then = [p["loss"] for p in train if p["step"] <= best["step"]][-width:]
    now = [p["loss"] for p in train][-width:]
    if not then or fmean(now) >= fmean(then):
        return None
    return _unhealthy(
        Reason.OVERFITTING,
        f"Evaluation loss was best at step {int(best['step'])} ({best['eval_loss']:.3g}) and is now "
        f"{tail[-1]['eval_loss']:.3g}, while training loss fell from {fmean(then):.3g} to "
        f"{fmean(now):.3g}. The best checkpoint is what is kept; lower training.epochs, or set "
        "training.earlyStopping to stop there.",
    )


def _reward_hacking(evaluations: Sequence[Point]) -> Health | None:
    """Check the win rates that evaluation.everyEval adds to the records of evaluations.

    `eval_win_rate_change_high` is the upper end of the interval of the change since the best win rate.
    """
    judged = [p for p in evaluations if "eval_win_rate" in p]
    if len(judged) <= HACKED_EVALUATIONS:
        return None
    best = max(judged, key=lambda p: p["eval_win_rate"])
    tail = judged[-HACKED_EVALUATIONS:]
    margin = best["eval_rewards/margins"]
    if any(
        p["step"] <= best["step"]
        or p["eval_win_rate_change_high"] >= 0
        or p["eval_rewards/margins"] <= margin
        for p in tail
    ):
        return None
    last = tail[-1]
    return _unhealthy(
        Reason.REWARD_HACKING,
        f"The win rate against the model before was best at step {int(best['step'])} "
        f"({best['eval_win_rate']:.0%}) and is now {last['eval_win_rate']:.0%}, while the held-out reward "
        f"margin rose from {margin:.3g} to {last['eval_rewards/margins']:.3g}: the model learns what is "
        "rewarded, not what the judge prefers. Training stops, and the best checkpoint by the judge is "
        "kept; raise training.beta or train fewer steps.",
    )
