"""Cleanup of a finished job: children that still run, and the DPOJob itself after its time to live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from dpojob_api.conditions import ConditionType

from .conditions import true_conditions
from .object_snapshots import JobSnapshot
from .status_builder import StatusBuilder
from .types import DeleteJob, DeleteSelf

RECORD_POLL_SECONDS = 5.0
"""The pause between the looks whether quotas hold what a job has cost that is to be deleted."""


def clean_up_finished(builder: StatusBuilder, *, cost_recorded: bool) -> None:
    """Delete children that still run, and the job itself once its time to live is over.

    The terminal conditions are never changed.

    Args:
        builder: The status of a finished job.
        cost_recorded: Whether every CostQuota of the namespace holds what the job has cost.
    """
    dataset_valid = builder.status.condition(ConditionType.DATASET_VALID)
    if dataset_valid is None or dataset_valid.status == "Unknown":
        # With a report the inspection Job has ended, or is about to; its log stays readable.
        _delete_running(builder, builder.snapshot.inspection)
    for job in (*builder.snapshot.earlier_trainings, builder.snapshot.training):
        _delete_running(builder, job)
    seconds, ended = builder.job.spec.ttl_seconds_after_finished, builder.status.completion_time
    if seconds is not None and ended is not None:
        now = builder.timing.steady_now("end of the job")
        left = (ended + timedelta(seconds=seconds) - now).total_seconds()
        if left <= 0 and not cost_recorded:
            builder.requeue_within(RECORD_POLL_SECONDS)
        elif left <= 0 and builder.grace_is_over("time to live is over", 0.0):
            builder.add_action(DeleteSelf(builder.job.uid))
        else:
            builder.requeue_within(left)


def is_finished(raw: Mapping[str, Any]) -> bool:
    """Check whether a DPOJob has ended.

    Args:
        raw: The DPOJob, as parsed from JSON.

    Returns:
        Whether its condition Finished is True.
    """
    return ConditionType.FINISHED in true_conditions(raw)


def is_settled(raw: Mapping[str, Any]) -> bool:
    """Check whether a listed DPOJob has ended and needs no further pass.

    Args:
        raw: The DPOJob, as parsed from JSON.

    Returns:
        Whether it is finished, its newest generation was observed and it has no time to live.
    """
    metadata, status = raw["metadata"], raw.get("status") or {}
    ttl = (raw.get("spec") or {}).get("ttlSecondsAfterFinished")
    observed = status.get("observedGeneration") == metadata.get("generation")
    return is_finished(raw) and observed and ttl is None


def _delete_running(builder: StatusBuilder, job: JobSnapshot | None) -> None:
    if job is not None and job.owner == builder.job.uid and not (job.finished or job.deleting):
        builder.add_action(DeleteJob(job.name, job.uid))
