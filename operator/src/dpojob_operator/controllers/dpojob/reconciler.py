"""One pass over one DPOJob: read it live, decide, write the status once, execute the actions."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from dpojob_api.base import JSONObject
from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_api.pool import GPUPoolSpec
from dpojob_operator.decide import (
    Decision,
    PlanningRequest,
    Snapshot,
    invalid_spec_status,
)
from dpojob_operator.decide.stages import decide, decide_with_pools
from dpojob_operator.indexes import DependentsIndex
from dpojob_operator.kube import ApiClient, Key, record_events
from dpojob_operator.kube.resources import DPOJOBS
from dpojob_operator.manifests import InputsTooLarge
from dpojob_operator.process import Clock
from dpojob_operator.process.metrics import (
    EVALUATIONS,
    FINISHED,
    JUDGE_TOKENS,
    STATUS_WRITES,
    WIN_RATE,
)

from .action_executor import ActionExecutor, CreationRejected, NameConflict
from .first_sights import FirstSights
from .pool_reservations import PoolReservations
from .progress_poller import ProgressPoller
from .state_reader import StateReader
from .waiting_causes import with_waiting_cause
from .waiting_jobs import WaitingJobs

log = logging.getLogger(__name__)
MAX_ROUNDS = 6
"""Decisions in one pass; after that the key is queued behind other keys."""


class Reconciler:
    """Brings one DPOJob closer to its desired state."""

    def __init__(
        self,
        cluster: ApiClient,
        reader: StateReader,
        executor: ActionExecutor,
        poller: ProgressPoller,
        dependents: DependentsIndex,
        status_seconds: float,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._reader = reader
        self._executor = executor
        self._poller = poller
        self._dependents = dependents
        self._status_seconds = status_seconds
        self._clock = clock
        self._first_sights = FirstSights(clock)
        self._reservations = PoolReservations(clock)
        self._waiting = WaitingJobs()
        self._refreshed: dict[Key, float] = {}
        self.written_versions: dict[Key, deque[str]] = {}
        """resourceVersions after this process's newest writes; their events need no reconciliation."""

    async def reconcile(self, key: Key) -> float | None:
        """Reconciles the key; returns seconds until the next pass, None for the next event or resync."""
        conflicting_object = oversized_inputs = creation_rejection = ""
        raw: JSONObject | None = None
        for _ in range(MAX_ROUNDS):
            # The response to a status write is as current as a read.
            raw = raw or await self._cluster.get(DPOJOBS, *key)
            if raw is None:
                self._forget(key)
                return None
            try:
                job = DPOJob.model_validate(raw)
            except ValidationError as error:
                return await self._report_unreadable(key, raw, error)
            snapshot = await self._read(key, job)
            snapshot = replace(
                snapshot,
                conflicting_object=conflicting_object,
                oversized_inputs=oversized_inputs,
                creation_rejection=creation_rejection,
                first_sights=self._first_sights.get(key, job.uid),
                waiting_jobs=self._waiting.by_pool(),
            )
            specs: Mapping[str, GPUPoolSpec] = {}
            decision = decide(snapshot, self._clock.now())
            planned = isinstance(decision, PlanningRequest)
            if isinstance(decision, PlanningRequest):
                snapshot, pools, specs = await self._reader.read_for_planning(snapshot, decision)
                pools = self._reservations.available(key, pools)
                decision = decide_with_pools(snapshot, pools, self._clock.now())
            # Before anything is awaited, so that the next decision sees it.
            self._reservations.record(key, snapshot, decision)
            self._waiting.record(key, decision.status.queue)
            self._first_sights.record(key, job.uid, decision.timed)
            stored = await self._write(key, raw, job, decision, snapshot)
            if stored is None and decision.creates and not await self._still_exists(key, job):
                return 0.0
            job, raw = (job, None) if stored is None else (DPOJob.model_validate(stored), stored)
            try:
                for action in decision.actions:
                    await self._executor.execute(action, job, specs)
            except NameConflict as error:
                conflicting_object = str(error)
                continue
            except InputsTooLarge as error:
                oversized_inputs = str(error)
                continue
            except CreationRejected as error:
                creation_rejection = str(error)
                continue
            self._update_polling(key, job, snapshot, follows_pools=planned)
            ended = job.status.is_true(ConditionType.FINISHED) and not snapshot.job.status.is_true(
                ConditionType.FINISHED
            )
            if not decision.actions and not ended and decision.requeue_after != 0:
                return decision.requeue_after
        return 0.0

    async def _read(self, key: Key, job: DPOJob) -> Snapshot:
        snapshot = await self._reader.read(job)
        snapshot = await with_waiting_cause(self._cluster, snapshot, self._clock.now())
        age = time.monotonic() - self._refreshed.get(key, float("-inf"))
        running = next((pod for pod in snapshot.training_pods if pod.running), None)
        seen = self._poller.latest(key, running.uid) if running is not None else None
        return replace(snapshot, refresh=age >= self._status_seconds, progress=seen)

    async def _write(
        self, key: Key, raw: JSONObject, job: DPOJob, decision: Decision, snapshot: Snapshot
    ) -> JSONObject | None:
        """Writes the status; returns the object as it is stored now, None when nothing changed."""
        wire = decision.status.wire()
        if wire == job.status.wire():
            return None
        stored = await self._cluster.write_status(DPOJOBS, {**raw, "status": wire})
        STATUS_WRITES.inc()
        if snapshot.refresh and any(pod.running for pod in snapshot.training_pods):
            self._refreshed[key] = time.monotonic()
        self._record_version(key, stored)
        _count_end(job.status, decision.status)
        await record_events(self._cluster, job, decision.status, self._clock.now())
        return stored

    async def _still_exists(self, key: Key, job: DPOJob) -> bool:
        """Whether the DPOJob with that UID exists and is not being deleted.

        It was read before its children. When it was deleted in between, the garbage collector may
        have deleted the child that was then found missing, and creating it again would make a second
        one. A status that was just written proves the same.
        """
        raw = await self._cluster.get(DPOJOBS, *key)
        metadata = (raw or {}).get("metadata") or {}
        return metadata.get("uid") == job.uid and "deletionTimestamp" not in metadata

    def _record_version(self, key: Key, stored: JSONObject) -> None:
        versions = self.written_versions.setdefault(key, deque(maxlen=2 * MAX_ROUNDS))
        versions.append(stored["metadata"]["resourceVersion"])

    def _update_polling(
        self, key: Key, job: DPOJob, snapshot: Snapshot, *, follows_pools: bool
    ) -> None:
        """Polls the pod that trains; stops polling when none does."""
        finished = job.status.is_true(ConditionType.FINISHED)
        running = [pod for pod in snapshot.training_pods if pod.running and pod.index == 0]
        if running and not finished:
            self._poller.watch(key, running[-1])
        else:
            self._poller.stop(key)
        if finished:
            self._refreshed.pop(key, None)
        if follows_pools and not finished:
            self._dependents.waiting_for_pools.add(key)
        else:
            self._dependents.waiting_for_pools.discard(key)

    def _forget(self, key: Key) -> None:
        self._poller.stop(key)
        self._dependents.remove(key)
        self._refreshed.pop(key, None)
        self._first_sights.remove(key)
        self._reservations.remove(key)
        self._waiting.remove(key)
        self.written_versions.pop(key, None)

    async def _report_unreadable(
        self, key: Key, raw: JSONObject, error: ValidationError
    ) -> float | None:
        """Sets conditions that say what this version cannot read; all else in the status stays."""
        first = error.errors()[0]
        problem = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        whole = raw.get("status") or {}
        written = {
            name: whole[name] for name in ("conditions", "observedGeneration") if name in whole
        }
        try:
            status = DPOJobStatus.model_validate(written)
        except ValidationError:
            log.warning("%s/%s cannot be read and is left alone: %s", *key, problem)
            return None
        part = "status" if first["loc"][:1] == ("status",) else "spec"
        generation = int(raw["metadata"].get("generation", 0))
        new = invalid_spec_status(status, generation, part, problem, self._clock.now())
        if new != status:
            wire = new.wire()
            body = {**whole, **{name: wire[name] for name in ("conditions", "observedGeneration")}}
            stored = await self._cluster.write_status(DPOJOBS, {**raw, "status": body})
            self._record_version(key, stored)
        return None


def _count_end(old: DPOJobStatus, new: DPOJobStatus) -> None:
    """Terminal metrics, after the write: a lost write is not an end."""
    if old.is_true(ConditionType.FINISHED):
        return
    for type_ in (ConditionType.COMPLETE, ConditionType.FAILED):
        condition = new.condition(type_)
        if condition is not None and condition.status == "True":
            FINISHED.labels(str(type_), condition.reason).inc()
    improved, evaluation = new.condition(ConditionType.IMPROVED), new.evaluation
    if improved is not None and evaluation is not None:
        EVALUATIONS.labels(improved.status, improved.reason).inc()
        if evaluation.win_rate is not None and evaluation.win_rate.value is not None:
            WIN_RATE.observe(evaluation.win_rate.value)
        if evaluation.judge_usage is not None:
            JUDGE_TOKENS.labels("input").inc(evaluation.judge_usage.input_tokens)
            JUDGE_TOKENS.labels("output").inc(evaluation.judge_usage.output_tokens)
