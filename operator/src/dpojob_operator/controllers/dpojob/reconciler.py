"""One pass over one DPOJob: read it live, decide, write the status once, carry out."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_api.pool import GPUPoolSpec
from dpojob_operator.decide import Decision, Snapshot, decide, invalid_spec_status
from dpojob_operator.indexes.dependents_index import DependentsIndex, Key
from dpojob_operator.kube import events
from dpojob_operator.kube.api_client import ApiClient, Object
from dpojob_operator.kube.resources import DPOJOBS
from dpojob_operator.process.clock import Clock
from dpojob_operator.process.metrics import FINISHED, STATUS_WRITES

from .action_executor import ActionExecutor, CreationRejected, NameConflict
from .progress_poller import ProgressPoller
from .state_reader import StateReader

log = logging.getLogger(__name__)
MOST_ROUNDS = 6
"""Decisions in one pass; what is left then waits its turn behind other keys."""


class Reconciler:
    """Brings one DPOJob nearer to where it should be."""

    def __init__(
        self,
        cluster: ApiClient,
        observer: StateReader,
        hand: ActionExecutor,
        poller: ProgressPoller,
        hints: DependentsIndex,
        status_seconds: float,
        now: Clock,
    ) -> None:
        self._cluster = cluster
        self._observer = observer
        self._hand = hand
        self._poller = poller
        self._hints = hints
        self._status_seconds = status_seconds
        self._now = now
        self._refreshed: dict[Key, float] = {}
        self.written: dict[Key, deque[str]] = {}
        """resourceVersions after our own newest writes: their events tell nothing new."""

    async def reconcile(self, key: Key) -> float | None:
        """Seconds until it should be looked at again; None: at the next event or resync."""
        conflicting_object = creation_rejection = ""
        raw: Object | None = None
        for _ in range(MOST_ROUNDS):
            # What our own write gave back is as live as a read.
            raw = raw or await self._cluster.get(DPOJOBS, *key)
            if raw is None:
                self._forget(key)
                return None
            try:
                job = DPOJob.model_validate(raw)
            except ValidationError as error:
                return await self._cannot_read(key, raw, error)
            snapshot = await self._observe(key, job)
            snapshot = replace(
                snapshot,
                conflicting_object=conflicting_object,
                creation_rejection=creation_rejection,
            )
            specs: Mapping[str, GPUPoolSpec] = {}
            decision = decide(snapshot, None, self._now())
            plans = decision.wants_pools
            if plans:
                snapshot, states, specs = await self._observer.for_planning(snapshot)
                decision = decide(snapshot, states, self._now())
            stored = await self._write(key, raw, job, decision, snapshot)
            if stored is None and decision.creates and not await self._still_there(key, job):
                return 0.0
            job, raw = (job, None) if stored is None else (DPOJob.model_validate(stored), stored)
            try:
                for action in decision.actions:
                    await self._hand.carry_out(action, job, specs)
            except NameConflict as error:
                conflicting_object = str(error)
                continue
            except CreationRejected as error:
                creation_rejection = str(error)
                continue
            self._follow(key, job, snapshot, plans=plans)
            ended = job.status.is_true(ConditionType.FINISHED) and not snapshot.job.status.is_true(
                ConditionType.FINISHED
            )
            if not decision.actions and not ended and decision.requeue_after != 0:
                return decision.requeue_after
        return 0.0

    async def _observe(self, key: Key, job: DPOJob) -> Snapshot:
        snapshot = await self._observer.observe(job)
        age = time.monotonic() - self._refreshed.get(key, float("-inf"))
        running = next((pod for pod in snapshot.training_pods if pod.running), None)
        seen = self._poller.newest(key, running.uid) if running is not None else None
        return replace(snapshot, refresh=age >= self._status_seconds, progress=seen)

    async def _write(
        self, key: Key, raw: Object, job: DPOJob, decision: Decision, snapshot: Snapshot
    ) -> Object | None:
        """The object with its new status, as the API server has it now; None: nothing to write."""
        wire = decision.status.wire()
        if wire == job.status.wire():
            return None
        stored = await self._cluster.write_status(DPOJOBS, {**raw, "status": wire})
        STATUS_WRITES.inc()
        if snapshot.refresh and any(pod.running for pod in snapshot.training_pods):
            self._refreshed[key] = time.monotonic()
        self._remember(key, stored)
        _count_end(job.status, decision.status)
        await events.tell(self._cluster, job, decision.status, self._now())
        return stored

    async def _still_there(self, key: Key, job: DPOJob) -> bool:
        """Whether that very DPOJob exists, and stays.

        It was read before its children. When it went in between, the garbage collector may have
        taken the child that was then found missing, and making it again would be a second one. A
        status that was just written proves the same.
        """
        raw = await self._cluster.get(DPOJOBS, *key)
        metadata = (raw or {}).get("metadata") or {}
        return metadata.get("uid") == job.uid and "deletionTimestamp" not in metadata

    def _remember(self, key: Key, stored: Object) -> None:
        versions = self.written.setdefault(key, deque(maxlen=2 * MOST_ROUNDS))
        versions.append(stored["metadata"]["resourceVersion"])

    def _follow(self, key: Key, job: DPOJob, snapshot: Snapshot, *, plans: bool) -> None:
        """Polls the pod that trains; stops polling when none does."""
        finished = job.status.is_true(ConditionType.FINISHED)
        running = [pod for pod in snapshot.training_pods if pod.running and pod.index == 0]
        if running and not finished:
            self._poller.watch(key, running[-1])
        else:
            self._poller.forget(key)
        if finished:
            self._refreshed.pop(key, None)
        if plans and not finished:
            self._hints.for_pools.add(key)
        else:
            self._hints.for_pools.discard(key)

    def _forget(self, key: Key) -> None:
        self._poller.forget(key)
        self._hints.forget(key)
        self._refreshed.pop(key, None)
        self.written.pop(key, None)

    async def _cannot_read(self, key: Key, raw: Object, error: ValidationError) -> float | None:
        status = DPOJobStatus.read(raw.get("status") or {}) or DPOJobStatus()
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        generation = int(raw["metadata"].get("generation", 0))
        new = invalid_spec_status(status, generation, f"{where}: {first['msg']}", self._now())
        if new.wire() != status.wire():
            stored = await self._cluster.write_status(DPOJOBS, {**raw, "status": new.wire()})
            self._remember(key, stored)
        return None


def _count_end(old: DPOJobStatus, new: DPOJobStatus) -> None:
    """Terminal metrics, after the write: a lost write is not an end."""
    if old.is_true(ConditionType.FINISHED):
        return
    for type_ in (ConditionType.COMPLETE, ConditionType.FAILED):
        condition = new.condition(type_)
        if condition is not None and condition.status == "True":
            FINISHED.labels(str(type_), condition.reason).inc()
