"""Figures that are settled as attempts end, and what is left to do after the end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.job import Display
from dpojob_api.quantity import format_duration, money
from dpojob_api.spec import ModelSource
from dpojob_operator.decide.object_snapshots import JobSnapshot

from . import cost
from .status_builder import StatusBuilder
from .types import DeleteJob, DeleteSelf


def update_cost(builder: StatusBuilder, *, refresh: bool = True) -> None:
    """Cost from the attempts' GPU time, when figures may be written."""
    plan = builder.status.plan
    if plan is not None and refresh:
        builder.status.cost = cost.cost_status(builder.status, plan, builder.policy.currency)


def summarise(builder: StatusBuilder) -> None:
    """What follows from everything else: Ready, Stalled and the columns."""
    status = builder.status
    status.observed_generation = builder.job.generation
    status.start_time = status.start_time or builder.now
    complete = status.condition(ConditionType.COMPLETE)
    failed = status.condition(ConditionType.FAILED)
    if complete is not None:
        builder.set_condition(ConditionType.READY, True, complete.reason, complete.message)
    elif failed is not None:
        builder.set_condition(ConditionType.READY, False, failed.reason, failed.message)
    else:
        builder.set_condition(ConditionType.READY, False, Reason.IN_PROGRESS, f"{status.phase}.")
    if failed is not None:
        builder.set_condition(ConditionType.STALLED, True, failed.reason, failed.message)
    else:
        builder.set_condition(ConditionType.STALLED, False, Reason.IN_PROGRESS)
    _columns(builder)


def _columns(builder: StatusBuilder) -> None:
    status = builder.status
    display = status.display or Display()
    progress = status.progress
    display.model = _model(builder.job.spec.model)
    if progress is not None:
        # Stopped early, it is done with fewer steps than planned.
        done = status.is_true(ConditionType.COMPLETE)
        display.progress = f"{100 if done else progress.percent}%"
        margin = progress.margin if progress.margin is not None else progress.eval_margin
        display.margin = None if margin is None else f"{margin:.3f}"
    left = cost.eta_seconds(progress)
    training = status.condition(ConditionType.TRAINING)
    steps = training is not None and training.reason == Reason.TRAINING
    display.eta = format_duration(left) if steps and left is not None else None
    if status.cost is not None and (status.attempts or status.cost.so_far > Decimal(0)):
        display.cost = money(status.cost.so_far)
    status.display = display


def _model(model: ModelSource) -> str:
    if model.repo is not None:
        return model.repo
    if model.volume is not None:
        return "/".join(part for part in (model.volume.claim_name, model.volume.path) if part)
    assert model.from_job is not None  # the API server admits exactly one of the three
    return f"{model.from_job.kind}/{model.from_job.name}"


def after(builder: StatusBuilder) -> None:
    """A finished job: nothing of it runs on, and its time to live is kept. Its word stands."""
    looked = builder.status.condition(ConditionType.DATASET_VALID)
    if looked is None or looked.status == "Unknown":
        # With a verdict it has ended, or is about to; its log stays for the user to read.
        _end_child(builder, builder.snapshot.inspection)
    _end_child(builder, builder.snapshot.training)
    ttl, ended = builder.job.spec.ttl_seconds_after_finished, builder.status.completion_time
    if ttl is not None and ended is not None:
        left = (ended + timedelta(seconds=ttl) - builder.now).total_seconds()
        if left <= 0:
            builder.add_action(DeleteSelf(builder.job.uid))
        else:
            builder.requeue_within(left)


def _end_child(builder: StatusBuilder, job: JobSnapshot | None) -> None:
    if job is not None and job.owner == builder.job.uid and not (job.finished or job.deleting):
        builder.add_action(DeleteJob(job.name, job.uid))
