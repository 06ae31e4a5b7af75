"""What the client reads off a job: its manifest, whether it has ended, and where its results are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from dpojob.errors import CommandError
from dpojob_api.conditions import ConditionType
from dpojob_api.constants import API_VERSION, GROUP, LABEL_STAGE

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject, LenientModel
    from dpojob_api.job import DPOJob
    from dpojob_api.pool import GPUPool

Model = TypeVar("Model", bound="LenientModel")


def read_job(found: JSONObject) -> DPOJob:
    """Reads a job that the API server sent.

    Args:
        found: The object.

    Returns:
        The job.

    Raises:
        CommandError: It holds what this version does not know, as where a later one is installed in the cluster.
    """
    from dpojob_api.job import DPOJob

    return _read(
        DPOJob, found, " With -o yaml `dpojob list` and `dpojob status` print jobs as they are"
    )


def read_pool(found: JSONObject) -> GPUPool:
    """Reads a GPUPool that the API server sent.

    Args:
        found: The object.

    Returns:
        The pool.

    Raises:
        CommandError: It holds what this version does not know.
    """
    from dpojob_api.pool import GPUPool

    return _read(GPUPool, found, "")


def _read(model: type[Model], found: JSONObject, remedy: str) -> Model:
    from pydantic import ValidationError

    try:
        return model.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        name = found["metadata"]["name"]
        raise CommandError(
            f"this version of dpojob cannot read {name}: {where}: {first['msg']}. Is a later version installed in "
            f"the cluster?{remedy}",
            reason=None,
        ) from error


def manifest_of(job: DPOJob | Mapping[str, Any]) -> JSONObject:
    """Builds what the API server is sent for a job.

    Args:
        job: The job, or its manifest as a mapping; `apiVersion` and `kind` may be missing.

    Returns:
        The manifest without a status, and of a job without fields that have their default.
    """
    from dpojob_api.job import DPOJob

    if isinstance(job, DPOJob):
        spec = job.spec.wire(exclude_defaults=True)
        return {"apiVersion": API_VERSION, "kind": "DPOJob", "metadata": job.metadata, "spec": spec}
    rest = {name: value for name, value in job.items() if name != "status"}
    return {"apiVersion": API_VERSION, "kind": "DPOJob", **rest}


def suspend_patch(suspend: bool) -> JSONObject:
    """Builds the merge patch that pauses a job or lets it continue.

    Args:
        suspend: Pause the job.

    Returns:
        The patch.
    """
    return {"spec": {"suspend": suspend}}


def job_phase(found: JSONObject) -> str:
    """Reads the phase of a job that the API server sent.

    Args:
        found: The object.

    Returns:
        Its phase; "Pending" of a job that the operator has not seen yet.
    """
    return str((found.get("status") or {}).get("phase") or "Pending")


def has_ended(job: DPOJob) -> bool:
    """Tells whether a job is complete or failed.

    Args:
        job: The job.

    Returns:
        Whether one of the terminal conditions is true.
    """
    return job.status.is_true(ConditionType.COMPLETE) or job.status.is_true(ConditionType.FAILED)


def event_time(event: JSONObject) -> str:
    """Reads when an Event last happened.

    Args:
        event: The Event object.

    Returns:
        The time as the API server writes it, which sorts by time; "" where it has none.
    """
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    created = event["metadata"].get("creationTimestamp")
    return str(next((time for time in (*times, created) if time), ""))


def report_place(job: DPOJob) -> tuple[str, str]:
    """Finds where a job's report is.

    Args:
        job: The job as it was read.

    Returns:
        The claim and the path on it.

    Raises:
        CommandError: There is no report on a claim yet.
    """
    artifacts, data, volume = job.status.artifacts, job.status.dataset, job.spec.output.volume
    if artifacts is not None and artifacts.claim_name and artifacts.report:
        return artifacts.claim_name, artifacts.report
    if data is not None and data.page and volume is not None:
        return volume.claim_name, data.page
    raise CommandError(
        f"{job.name} has no report on a claim (its phase is {job.status.phase}){_elsewhere(job)}",
        reason=None,
    )


def model_place(job: DPOJob) -> tuple[str, str]:
    """Finds where a job's model is.

    Args:
        job: The job as it was read.

    Returns:
        The claim and the path on it, "" for its root.

    Raises:
        CommandError: There is no finished model on a claim.
    """
    artifacts = job.status.artifacts
    # The claim is named before training begins; the report is written with the model, at the end.
    whole = (
        job.status.is_true(ConditionType.COMPLETE) and artifacts is not None and artifacts.report
    )
    if whole and artifacts is not None and artifacts.claim_name:
        return artifacts.claim_name, artifacts.path or ""
    raise CommandError(
        f"{job.name} has no model on a claim (its phase is {job.status.phase}){_elsewhere(job)}",
        reason=None,
    )


def _elsewhere(job: DPOJob) -> str:
    artifacts = job.status.artifacts
    if artifacts is not None and artifacts.push:
        return f"; it was pushed: hf download {artifacts.push}"
    if artifacts is not None and artifacts.s3:
        return f"; it was uploaded to {artifacts.s3}"
    return ""


def job_object(name: str) -> str:
    """Names a job as `kubectl get -o name` does.

    Args:
        name: The job's name.

    Returns:
        Such as "dpojob.dpojob.dev/helpful".
    """
    return f"dpojob.{GROUP}/{name}"


def pod_stage(pod: JSONObject) -> str:
    """Reads the stage of the job that a pod belongs to.

    Args:
        pod: The Pod object.

    Returns:
        "inspect" or "train"; "" for a pod without the label.
    """
    return str(pod["metadata"].get("labels", {}).get(LABEL_STAGE, ""))
