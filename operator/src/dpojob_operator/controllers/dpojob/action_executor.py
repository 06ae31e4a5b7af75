"""Executes the actions of a decision: creates children, deletes them, deletes the job itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from dpojob_api.base import JSONObject
from dpojob_api.constants import LABEL_JOB_UID, STAGE_INSPECT, STAGE_TRAIN
from dpojob_api.job import DPOJob
from dpojob_api.pool import GPUPoolSpec
from dpojob_operator import manifests
from dpojob_operator.decide import (
    Action,
    CreateClaim,
    CreateInspection,
    CreateTraining,
    DeleteJob,
    DeleteSelf,
    SetJobLabels,
    inspection_result,
)
from dpojob_operator.decide.effective_spec import effective_spec
from dpojob_operator.decide.object_snapshots import owner_uid
from dpojob_operator.kube import ApiClient, ApiError, Conflict
from dpojob_operator.kube.resources import CLAIMS, DPOJOBS, JOBS, SERVICES, Resource
from dpojob_operator.process import WorkloadSettings
from dpojob_operator.process.metrics import CREATED

log = logging.getLogger(__name__)


class NameConflict(Exception):
    """An object that is not this DPOJob's has the name of a child; the argument names it."""


class CreationRejected(Exception):
    """The API server rejects a child: over quota, against a policy, or not valid."""


class LabelsRejected(Exception):
    """The API server, or a webhook of a queueing system, rejects an edit of a Job's labels."""


REJECTION_STATUSES = (400, 403, 422)
"""HTTP statuses that an immediate repetition of the request does not change."""


REJECTIONS: dict[type[Exception], str] = {
    NameConflict: "conflicting_object",
    manifests.InputsTooLarge: "oversized_inputs",
    CreationRejected: "creation_rejection",
    LabelsRejected: "label_rejection",
}
"""The field of the snapshot with which the next decision learns that an action was refused."""


class ActionExecutor:
    """All writes of the DPOJob controller, except for the status."""

    def __init__(self, cluster: ApiClient, settings: WorkloadSettings) -> None:
        self._cluster = cluster
        self._settings = settings

    async def execute(self, action: Action, job: DPOJob, pools: Mapping[str, GPUPoolSpec]) -> None:
        """Executes one action; `job` has the status as it was just written. Raises NameConflict, InputsTooLarge, CreationRejected, LabelsRejected, ApiError."""
        log.info("%s/%s: %s", job.namespace, job.name, action)
        match action:
            case CreateInspection(name):
                await self._inspect(job, name)
            case CreateClaim(name, gib, shared):
                claim = manifests.output_claim(
                    job, name, gib, shared=shared, settings=self._settings
                )
                await self._create(CLAIMS, claim, job)
            case CreateTraining():
                await self._train(job, pools)
            case DeleteJob(name, uid):
                await self._cluster.delete(JOBS, job.namespace, name, uid)
            case DeleteSelf(uid):
                await self._cluster.delete(DPOJOBS, job.namespace, job.name, uid)
            case SetJobLabels(name, uid, labels):
                await self._set_labels(job, name, uid, labels)

    async def _inspect(self, job: DPOJob, name: str) -> None:
        assert job.status.inspection is not None  # written before its actions
        spec = effective_spec(job.name, job.spec, job.status)
        body = manifests.inspection_job(job, spec, name, job.status.inspection.key, self._settings)
        if await self._create(JOBS, body, job):
            CREATED.labels(STAGE_INSPECT).inc()

    async def _train(self, job: DPOJob, pools: Mapping[str, GPUPoolSpec]) -> None:
        plan, attempt = job.status.plan, job.status.attempts[-1]
        assert plan is not None  # written together with the attempt
        spec = effective_spec(job.name, job.spec, job.status)
        body = manifests.training_job(
            job,
            spec,
            attempt,
            plan,
            inspection_result.report_from_status(job.status),
            pools[plan.pool],
            self._settings,
        )
        if plan.nodes > 1:
            await self._create(SERVICES, manifests.rendezvous_service(job, attempt), job)
        if await self._create(JOBS, body, job):
            CREATED.labels(STAGE_TRAIN).inc()

    async def _set_labels(
        self, job: DPOJob, name: str, uid: str, labels: Mapping[str, str]
    ) -> None:
        try:
            await self._cluster.set_labels(JOBS, job.namespace, name, uid, labels)
        except ApiError as error:
            if error.status not in REJECTION_STATUSES:
                raise
            listed = ", ".join(f"{label}={value}" for label, value in labels.items())
            raise LabelsRejected(f"Job {name} does not get {listed}: {error}") from None

    async def _create(self, resource: Resource, body: JSONObject, job: DPOJob) -> bool:
        """Whether the object was created now; one of this DPOJob that exists already is kept."""
        try:
            await self._cluster.create(resource, body)
        except Conflict:
            name = body["metadata"]["name"]
            existing = await self._cluster.get(resource, job.namespace, name)
            if existing is None:
                raise  # deleted between the two requests: try again
            metadata = existing["metadata"]
            owner = (
                (metadata.get("labels") or {}).get(LABEL_JOB_UID)
                if resource is CLAIMS
                else owner_uid(metadata)
            )
            if owner != job.uid:
                raise NameConflict(f"{body['kind']} {name}") from None
            return False
        except ApiError as error:
            if error.status not in REJECTION_STATUSES:
                raise
            name = body["metadata"]["name"]
            raise CreationRejected(f"{body['kind']} {name} cannot be made: {error}") from None
        return True
