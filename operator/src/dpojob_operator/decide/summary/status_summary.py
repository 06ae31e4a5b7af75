"""The part of the status that follows from the rest: Ready, Stalled and the printer columns."""

from __future__ import annotations

from decimal import Decimal

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import Display, DPOJobStatus
from dpojob_api.quantity import format_duration, money
from dpojob_api.spec import ModelSource
from dpojob_api.status_condition import Condition
from dpojob_operator.decide import cost
from dpojob_operator.decide.status_builder import StatusBuilder

from .advice import ADVICE


def summarise(builder: StatusBuilder) -> None:
    """Set Ready, Stalled, the printer columns, `startTime` and `observedGeneration`.

    Args:
        builder: The status, with everything else set.
    """
    status = builder.status
    status.observed_generation = builder.job.generation
    status.start_time = status.start_time or builder.now
    complete = status.condition(ConditionType.COMPLETE)
    failed = status.condition(ConditionType.FAILED)
    if complete is not None:
        builder.set_ready(True, complete.reason, complete.message)
    elif failed is not None:
        builder.set_ready(False, failed.reason, failed.message)
    else:
        current = _current_condition(status)
        if current is None:
            builder.set_ready(False, Reason.IN_PROGRESS, f"{status.phase}.")
        else:
            sentences = (f"{status.phase}.", current.message, ADVICE.get(current.reason, ""))
            builder.set_ready(False, current.reason, " ".join(filter(None, sentences)))
    if failed is not None:
        builder.set_stalled(True, failed.reason, failed.message)
    else:
        builder.set_stalled(False, Reason.IN_PROGRESS)
    _set_columns(builder)


def _current_condition(status: DPOJobStatus) -> Condition | None:
    """The condition that explains why the job does not advance now; None before the inspection."""
    suspended = status.condition(ConditionType.SUSPENDED)
    if suspended is not None and suspended.status == "True":
        return suspended
    for type_ in (ConditionType.DATASET_VALID, ConditionType.PLANNED):
        condition = status.condition(type_)
        if condition is None or condition.status != "True":
            return condition
    training = status.condition(ConditionType.TRAINING)
    return training or status.condition(ConditionType.PLANNED)


def _set_columns(builder: StatusBuilder) -> None:
    status = builder.status
    display = status.display or Display()
    progress = status.progress
    display.model = _model_column(builder.job.spec.model)
    if progress is not None:
        # A job that stopped early is complete with fewer steps than planned.
        done = status.is_true(ConditionType.COMPLETE)
        display.progress = f"{100 if done else progress.percent}%"
        margin = progress.margin if progress.margin is not None else progress.eval_margin
        display.margin = None if margin is None else f"{margin:.3f}"
    if status.evaluation is not None and status.evaluation.win_rate is not None:
        rate = status.evaluation.win_rate.value
        display.win_rate = None if rate is None else f"{rate:.0%}"
    left = cost.eta_seconds(progress)
    training = status.condition(ConditionType.TRAINING)
    steps = training is not None and training.reason == Reason.TRAINING
    display.eta = format_duration(left) if steps and left is not None else None
    if status.cost is not None and (status.attempts or status.cost.so_far > Decimal(0)):
        display.cost = money(status.cost.so_far)
    status.display = display


def _model_column(model: ModelSource) -> str:
    if model.repo is not None:
        return model.repo
    if model.volume is not None:
        return "/".join(part for part in (model.volume.claim_name, model.volume.path) if part)
    assert model.from_job is not None  # the API server admits exactly one of the three
    return f"{model.from_job.kind}/{model.from_job.name}"
