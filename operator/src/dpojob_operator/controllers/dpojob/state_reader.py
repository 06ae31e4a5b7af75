"""Reads everything that a decision about one DPOJob depends on: from the stores, or live to confirm it.

A child, a claim or a pool that a store lacks is asked for: its absence always rests on a live read. Jobs that
other jobs depend on, the holder of an output directory and pods of an earlier DPOJob of the same name are read
live.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dpojob_api.base import JSONObject
from dpojob_api.conditions import ConditionType
from dpojob_api.constants import (
    LABEL_JOB_UID,
    LABEL_OUTPUT_DIRECTORY,
    LABEL_STAGE,
    STAGE_INSPECT,
    STAGE_TRAIN,
)
from dpojob_api.job import Dependency, DPOJob
from dpojob_api.pool import GPUPoolSpec
from dpojob_api.spec import DPOJobSpec
from dpojob_operator.controllers.gpupool import planner_pool_state
from dpojob_operator.decide import DependencySnapshot, PlanningRequest, Policy, Snapshot
from dpojob_operator.decide.effective_spec import claims_mounted, effective_spec
from dpojob_operator.decide.object_snapshots import JobSnapshot, PodSnapshot, PVCSnapshot
from dpojob_operator.indexes import (
    DependentsIndex,
    InspectionCache,
    ObjectStores,
    OutputLockIndex,
    PodLists,
    pods_that_may_write,
)
from dpojob_operator.kube import ApiClient, Key, ObjectStore, parse_dpojob, parse_gpupool
from dpojob_operator.kube.resources import (
    CLAIMS,
    DPOJOBS,
    GPUPOOLS,
    JOBS,
    NAMESPACES,
    TRAINJOBS,
    Resource,
)
from dpojob_operator.manifests import output_directory_label, pool_hash
from dpojob_planner import PoolState

from . import from_job_output
from .namespace_quotas import with_quotas
from .pod_ownership import pods_of_job

MAX_CHAIN_LENGTH = 100
"""Jobs of a `fromJob` chain that are followed. The jobs of a longer cycle wait, as in a chain."""


class StateReader:
    """Reads the objects that a DPOJob depends on and builds a snapshot of them."""

    def __init__(
        self,
        cluster: ApiClient,
        stores: ObjectStores,
        policy: Policy,
        inspections: InspectionCache,
        output_locks: OutputLockIndex,
        dependents: DependentsIndex,
    ) -> None:
        self._cluster = cluster
        self._stores = stores
        self._policy = policy
        self._inspections = inspections
        self._output_locks = output_locks
        self._dependents = dependents
        self._pod_lists = PodLists(cluster)

    async def read_job(self, key: Key, *, live: bool) -> JSONObject | None:
        """The DPOJob; None when it does not exist. Raises ApiError when it cannot be read."""
        found = None if live else self._stores.dpojob(key)
        found = found or await self._get(DPOJOBS, self._stores.dpojobs, *key)
        if found is None:
            self._output_locks.remove(key)
        return found

    async def read(self, job: DPOJob, *, live: bool = False) -> Snapshot:
        """The job's children, claims and dependency. Raises ApiError when one cannot be read.

        With `live`, what the stores hold is read anew.
        """
        snapshot = Snapshot(job=job, policy=self._policy)
        if "deletionTimestamp" in job.metadata:
            return snapshot
        snapshot = await with_quotas(self._cluster, self._stores, snapshot, live=live)
        status = job.status
        if status.is_true(ConditionType.FINISHED):
            return await self._with_children(snapshot, live)
        if job.spec.model.from_job is not None and status.dependency is None:
            dependency = await self._dependency(job)
            snapshot = replace(snapshot, dependency=dependency)
            if dependency.found is None or not dependency.complete or dependency.problem:
                return await self._with_children(snapshot, live)
        spec, resolved = _spec_with_resolved_dependency(snapshot)
        if not status.attempts:
            holder = await self._output_locks.find_holder(job)
            snapshot = replace(snapshot, output_holder=holder)
        if status.dataset is None:
            claims = await self._claims(job.namespace, claims_mounted(spec, resolved), live)
            snapshot = replace(snapshot, claims=claims)
        if _may_begin(snapshot):
            if self._inspections.is_pending(job, spec):
                return await self._with_children(replace(snapshot, lookup_pending=True), live)
            key, shared = await self._inspections.find_shared(job, spec)
            snapshot = replace(snapshot, inspection_key=key, shared=shared)
        return await self._with_children(snapshot, live)

    async def _with_children(self, snapshot: Snapshot, live: bool) -> Snapshot:
        """Reads Jobs before their pods, so that the listing holds every pod that a Job's status counts."""
        job, status = snapshot.job, snapshot.job.status
        finished = status.is_true(ConditionType.FINISHED)
        if status.inspection is not None and (status.dataset is None or finished):
            found = await self._job(job.namespace, status.inspection.name, live)
            snapshot = replace(snapshot, inspection=found)
            if found is not None and not finished:
                pods = await self._pods(job, STAGE_INSPECT, found, live)
                snapshot = replace(snapshot, inspection_pods=pods)
        if status.attempts:
            found = await self._job(job.namespace, status.attempts[-1].job.name, live)
            snapshot = replace(snapshot, training=found)
            if found is not None and not finished:
                pods = await self._pods(job, STAGE_TRAIN, found, live)
                snapshot = replace(snapshot, training_pods=pods)
        if len(status.attempts) > 1:
            earlier = await self._earlier_trainings(job)
            snapshot = replace(snapshot, earlier_trainings=earlier)
        return snapshot

    async def _earlier_trainings(self, job: DPOJob) -> tuple[JobSnapshot, ...]:
        labels = {LABEL_JOB_UID: job.uid, LABEL_STAGE: STAGE_TRAIN}
        listed = self._cluster.list(JOBS, job.namespace, labels)
        found = [JobSnapshot.read(raw) async for raw in listed]
        newest = job.status.attempts[-1].job.name
        return tuple(job_ for job_ in found if job_.owner == job.uid and job_.name != newest)

    async def _earlier_pods(self, job: DPOJob) -> tuple[str, ...]:
        output = job.spec.output.volume
        assert output is not None
        listed = await self._pod_lists.with_label(
            job.namespace, STAGE_TRAIN, LABEL_OUTPUT_DIRECTORY, output_directory_label(output)
        )
        return pods_that_may_write(job, listed)

    async def _get(
        self, resource: Resource, store: ObjectStore[Any], namespace: str, name: str
    ) -> JSONObject | None:
        """Reads one object live; what does not exist leaves the store."""
        known = store.identity((namespace, name))
        raw = await self._cluster.get(resource, namespace, name)
        if raw is not None:
            store.apply_read(raw)
        elif known is not None:
            store.remove((namespace, name), known[0])
        return raw

    async def _job(self, namespace: str, name: str, live: bool) -> JobSnapshot | None:
        kept = self._stores.jobs.get((namespace, name))
        if kept is not None and (kept.finished or not live):
            return kept  # the end of a Job is final
        raw = await self._get(JOBS, self._stores.jobs, namespace, name)
        return None if raw is None else JobSnapshot.read(raw)

    async def _pods(
        self, job: DPOJob, stage: str, child: JobSnapshot, live: bool
    ) -> tuple[PodSnapshot, ...]:
        labels = {LABEL_JOB_UID: job.uid, LABEL_STAGE: stage}
        counted = job.status.attempts[-1].pod_seconds if job.status.attempts else ()
        if not live:
            kept = self._stores.pods_of((job.namespace, job.name))
            wanted = [raw for raw in kept if labels.items() <= raw["metadata"]["labels"].items()]
            return pods_of_job(child, wanted, counted)
        listed = await self._pod_lists.with_label(job.namespace, stage, LABEL_JOB_UID, job.uid)
        for raw in listed:
            self._stores.pods.apply_read(raw)
        return pods_of_job(child, listed, counted)

    async def _claims(
        self, namespace: str, names: Iterable[str], live: bool
    ) -> dict[str, PVCSnapshot | None]:
        found: dict[str, PVCSnapshot | None] = {}
        for name in dict.fromkeys(names):
            kept = None if live else self._stores.claims.get((namespace, name))
            if kept is None:
                raw = await self._get(CLAIMS, self._stores.claims, namespace, name)
                kept = None if raw is None else PVCSnapshot.read(raw)
            found[name] = kept
        return found

    async def _dependency(self, job: DPOJob) -> DependencySnapshot:
        reference = job.spec.model.from_job
        assert reference is not None
        if reference.kind != "DPOJob":
            kind = JOBS if reference.kind == "Job" else TRAINJOBS
            raw = await self._cluster.get(kind, job.namespace, reference.name)
            if raw is None:
                return DependencySnapshot()
            return from_job_output.from_other(reference.kind, raw)
        self._dependents.add_dependent((job.namespace, reference.name), (job.namespace, job.name))
        raw = await self._cluster.get(DPOJOBS, job.namespace, reference.name)
        if raw is None:
            return DependencySnapshot()
        named = parse_dpojob(raw)
        if named is None:
            return DependencySnapshot(
                found=Dependency(kind="DPOJob", name=reference.name, uid=raw["metadata"]["uid"])
            )
        cycle = await self._cycle(job, named)
        output = from_job_output.from_dpojob(named)
        return replace(output, cycle=cycle) if cycle else output

    async def _cycle(self, job: DPOJob, named: DPOJob) -> tuple[str, ...]:
        """The names on the path from `job` back to itself, when following `fromJob` leads there."""
        path = [job.name, named.name]
        if named.uid == job.uid:
            return tuple(path)
        while len(path) <= MAX_CHAIN_LENGTH:
            reference = named.spec.model.from_job
            if reference is None or reference.kind != "DPOJob" or named.status.dependency:
                return ()
            path.append(reference.name)
            if reference.name == job.name:
                return tuple(path)
            if reference.name in path[:-1]:
                return ()  # a cycle that this job is not part of; the jobs in it report it
            raw = await self._cluster.get(DPOJOBS, job.namespace, reference.name)
            following = None if raw is None else parse_dpojob(raw)
            if following is None:
                return ()
            named = following
        return ()

    async def read_for_planning(
        self, snapshot: Snapshot, request: PlanningRequest, *, live: bool = False
    ) -> tuple[Snapshot, list[PoolState], dict[str, GPUPoolSpec]]:
        """Read what the request names: the snapshot with it, the pools for the planner, their specs.

        The pods of an attempt are read again after the pools. A pool that changed, and no pod bound
        to a node, then means that the attempt was still waiting when the pool changed. With `live`, the
        inspection and the quotas are read again too.
        """
        job = snapshot.job
        claims = await self._claims(job.namespace, request.claims, live)
        states, specs = await self._pools(job.namespace, live)
        hashes = {name: pool_hash(spec) for name, spec in specs.items()}
        if request.earlier_pods:
            snapshot = replace(snapshot, earlier_pods=await self._earlier_pods(job))
        if live:
            snapshot = await with_quotas(self._cluster, self._stores, snapshot, live=True)
        if live or snapshot.training is not None:
            snapshot = await self._with_children(snapshot, live)
        return replace(snapshot, claims=claims, pool_hashes=hashes), states, specs

    async def _pools(
        self, namespace: str, live: bool
    ) -> tuple[list[PoolState], dict[str, GPUPoolSpec]]:
        listed = self._stores.pools.values()
        if live or not listed:
            listed = [parse_gpupool(raw) async for raw in self._cluster.list(GPUPOOLS)]
        pools = [pool for pool in listed if pool is not None]
        labels: Mapping[str, str] = {}
        if any(pool.spec.namespace_selector is not None for pool in pools):
            raw = await self._cluster.get(NAMESPACES, None, namespace)
            labels = (raw or {"metadata": {}})["metadata"].get("labels") or {}
        states = [
            planner_pool_state(pool, labels) for pool in sorted(pools, key=lambda pool: pool.name)
        ]
        return states, {pool.name: pool.spec for pool in pools}


def _may_begin(snapshot: Snapshot) -> bool:
    """Whether inspection is what the job would begin now; for others the hub is not asked."""
    job, status = snapshot.job, snapshot.job.status
    begun = status.inspection is not None or status.dataset is not None
    waits = job.spec.suspend or snapshot.output_holder is not None
    return not begun and not waits and None not in snapshot.claims.values()


def _spec_with_resolved_dependency(snapshot: Snapshot) -> tuple[DPOJobSpec, Dependency | None]:
    """The spec with `fromJob` resolved, also when it was read in this very pass, and what it resolved to."""
    job, status, dependency = snapshot.job, snapshot.job.status, snapshot.dependency
    if status.dependency is None and dependency.found is not None:
        status = status.model_copy(update={"dependency": dependency.found})
    return effective_spec(job.name, job.spec, status), status.dependency
