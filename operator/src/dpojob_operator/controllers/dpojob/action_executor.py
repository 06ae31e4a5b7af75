"""Carries out what was decided: creates children, deletes them, deletes the job itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping

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
    inspection_result,
)
from dpojob_operator.decide.effective_spec import effective_spec
from dpojob_operator.decide.object_snapshots import owner_uid
from dpojob_operator.kube.api_client import ApiClient, ApiError, Conflict, Object
from dpojob_operator.kube.resources import CLAIMS, DPOJOBS, JOBS, SERVICES, Resource
from dpojob_operator.process.metrics import CREATED
from dpojob_operator.process.settings import WorkloadSettings

log = logging.getLogger(__name__)


class NameConflict(Exception):
    """Somebody else's object has the name a child must have; the argument names it."""


class CreationRejected(Exception):
    """The API server will not make a child: over quota, against a policy, or not valid."""


REFUSALS = (400, 403, 422)
"""HTTP statuses that repeating the request at once will not change."""


class ActionExecutor:
    """The operator's writes, apart from status."""

    def __init__(self, cluster: ApiClient, settings: WorkloadSettings) -> None:
        self._cluster = cluster
        self._settings = settings

    async def carry_out(
        self, action: Action, job: DPOJob, pools: Mapping[str, GPUPoolSpec]
    ) -> None:
        """`job` has the status as it was just written. Raises Stranger, Refused, ApiError."""
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

    async def _inspect(self, job: DPOJob, name: str) -> None:
        assert job.status.inspection is not None  # the intent, just written
        spec = effective_spec(job.name, job.spec, job.status)
        body = manifests.inspection_job(job, spec, name, job.status.inspection.key, self._settings)
        if await self._create(JOBS, body, job):
            CREATED.labels(STAGE_INSPECT).inc()

    async def _train(self, job: DPOJob, pools: Mapping[str, GPUPoolSpec]) -> None:
        plan, attempt = job.status.plan, job.status.attempts[-1]
        assert plan is not None  # written together with the attempt
        spec = effective_spec(job.name, job.spec, job.status)
        if plan.nodes > 1:
            await self._create(SERVICES, manifests.rendezvous_service(job, attempt), job)
        body = manifests.training_job(
            job,
            spec,
            attempt,
            plan,
            inspection_result.report_from_status(job.status),
            pools[plan.pool],
            self._settings,
        )
        if await self._create(JOBS, body, job):
            CREATED.labels(STAGE_TRAIN).inc()

    async def _create(self, resource: Resource, body: Object, job: DPOJob) -> bool:
        """Whether it was made now; an object of ours that is there already is as good."""
        try:
            await self._cluster.create(resource, body)
        except Conflict:
            name = body["metadata"]["name"]
            there = await self._cluster.get(resource, job.namespace, name)
            if there is None:
                raise  # it went between the two requests: try again
            metadata = there["metadata"]
            whose = (
                (metadata.get("labels") or {}).get(LABEL_JOB_UID)
                if resource is CLAIMS
                else owner_uid(metadata)
            )
            if whose != job.uid:
                raise NameConflict(f"{body['kind']} {name}") from None
            return False
        except ApiError as error:
            if error.status not in REFUSALS:
                raise
            name = body["metadata"]["name"]
            raise CreationRejected(f"{body['kind']} {name} cannot be made: {error}") from None
        return True
