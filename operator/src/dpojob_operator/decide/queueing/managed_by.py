"""`spec.managedBy`: DPOJobs of another controller, and Jobs that Kueue runs in another cluster (MultiKueue)."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_api.constants import CONTROLLER_NAME
from dpojob_operator.decide.object_snapshots import JobSnapshot, RawObject
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.types import DeleteJob

JOB_CONTROLLER = "kubernetes.io/job-controller"
"""The value of a Job's `spec.managedBy` that stands for Kubernetes' own controller, as no value does."""


def is_managed_elsewhere(raw: RawObject) -> bool:
    """Check whether another controller manages a DPOJob, so that this operator must leave it alone.

    Args:
        raw: The DPOJob, as parsed from JSON; its spec may be one that this version cannot read.

    Returns:
        Whether its `spec.managedBy` names another controller.
    """
    return (raw.get("spec") or {}).get("managedBy") not in (None, CONTROLLER_NAME)


def dispatched_job(builder: StatusBuilder) -> JobSnapshot | None:
    """Find the inspection or training Job that another controller runs, in another cluster.

    Kueue's webhook gives a Job to MultiKueue when the ClusterQueue of its queue has such an admission check.

    Args:
        builder: The status under construction.

    Returns:
        The Job; None when Kubernetes' own controller runs the newest one.
    """
    job = builder.snapshot.training or builder.snapshot.inspection
    if job is None or job.owner != builder.job.uid or job.managed_by in ("", JOB_CONTROLLER):
        return None
    return job


def fail_dispatched(builder: StatusBuilder, job: JobSnapshot) -> None:
    """Fail because what the pods of a Job report cannot be read, and delete the Job before they cost anything.

    Args:
        builder: The status under construction.
        job: The Job.
    """
    builder.fail(
        Reason.JOB_DISPATCHED,
        f"Job {job.name} would run in another cluster (its spec.managedBy is {job.managed_by}), where its "
        "report and its progress cannot be read. Name a queue without a MultiKueue admission check, or "
        "create a DPOJob with spec.managedBy, so that all of it runs in the other cluster.",
    )
    if not job.deleting:
        builder.add_action(DeleteJob(job.name, job.uid))
