"""One pass over one DPOJob: read it, decide, write the status once, execute the actions."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from pydantic import ValidationError

from dpojob_api.base import JSONObject
from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_api.pool import GPUPoolSpec
from dpojob_operator.decide import Decision, PlanningRequest, Snapshot, is_irreversible, stalled_job
from dpojob_operator.decide.effective_spec import with_default_cache
from dpojob_operator.decide.queueing import is_managed_elsewhere
from dpojob_operator.decide.steps import decide, decide_with_pools
from dpojob_operator.indexes import DependentsIndex
from dpojob_operator.kube import (
    ApiClient,
    ApiError,
    Conflict,
    EventRecorder,
    Key,
    LeaseLost,
    unreadable_part,
)
from dpojob_operator.kube.resources import DPOJOBS
from dpojob_operator.process import Clock
from dpojob_operator.process.metrics import STATUS_WRITES

from .action_executor import REJECTIONS, ActionExecutor
from .first_seen import FirstSeenTimes
from .pool_reservations import PoolReservations
from .progress_poller import ProgressPoller
from .state_reader import StateReader
from .status_metrics import count_changes, update_budget
from .waiting_causes import with_waiting_cause
from .waiting_jobs import WaitingJobs

log = logging.getLogger(__name__)
MAX_ROUNDS = 6
"""Decisions in one pass; after that the key is queued behind other keys."""


@dataclass(frozen=True)
class _Decided:
    """A decision, and what it was made from."""

    snapshot: Snapshot
    decision: Decision
    pools: Mapping[str, GPUPoolSpec]
    planned: bool
    """Whether the GPUPools were read for it."""


class Reconciler:
    """Brings one DPOJob closer to its desired state."""

    def __init__(
        self,
        cluster: ApiClient,
        reader: StateReader,
        executor: ActionExecutor,
        poller: ProgressPoller,
        dependents: DependentsIndex,
        events: EventRecorder,
        clock: Clock,
        cache_claims: Mapping[str, str],
        batch_seconds: float,
    ) -> None:
        self._cluster = cluster
        self._cache_claims = cache_claims
        """The claim that is the cache of jobs that name none, by namespace."""
        self._batch_seconds = batch_seconds
        """Seconds from the creation of a Job to the next pass; events of the Job or its pods may cause an earlier one."""
        self._reader = reader
        self._executor = executor
        self._poller = poller
        self._dependents = dependents
        self._events = events
        self._clock = clock
        self._first_seen = FirstSeenTimes(clock)
        self._reservations = PoolReservations(clock)
        self._waiting = WaitingJobs()
        self._refreshed: dict[Key, float] = {}
        self._outdated: set[Key] = set()
        """DPOJobs whose status could not be written because they had changed: the next pass reads them live."""

    async def reconcile(self, key: Key) -> float | None:
        """Reconciles the key.

        Returns:
            Seconds until the next pass; 0 when it is due but other keys may come first; None for the next
            event or resync.

        Raises:
            Exception: The pass is to be repeated after a while. What is neither ApiError nor LeaseLost is an
                error of the operator, and was reported in the status.
        """
        try:
            return await self._reconcile(key)
        except (ApiError, LeaseLost):
            raise
        except Exception as error:
            await self._report_failure(key, error)
            raise

    async def _reconcile(self, key: Key) -> float | None:
        rejections: dict[str, str] = {}
        raw: JSONObject | None = None
        for _ in range(MAX_ROUNDS):
            # The response to a status write is as current as a read.
            raw = raw or await self._reader.read_job(key, live=key in self._outdated)
            self._outdated.discard(key)
            if raw is None or is_managed_elsewhere(raw):
                self._forget(key)
                return None
            try:
                job = self._parse(raw)
            except ValidationError as error:
                await self._report_unreadable(key, raw, error)
                return None
            made = await self._decide(key, await self._read(key, job, rejections, live=False))
            if is_irreversible(job.status, made.decision):
                made = await self._decide_live(key, job, rejections, planned=made.planned)
            decision, snapshot = made.decision, made.snapshot
            stored = await self._write(key, raw, job, made)
            if stored is None and decision.actions and not await self._is_current(key, job):
                return 0.0
            raw = stored
            if stored is not None:
                written = {"metadata": stored["metadata"], "status": decision.status}
                job = job.model_copy(update=written)
            try:
                for action in decision.actions:
                    await self._executor.execute(action, job, made.pools)
            except tuple(REJECTIONS) as error:
                rejections[REJECTIONS[type(error)]] = str(error)
                continue
            self._update_polling(key, job, snapshot, follows_pools=made.planned)
            finished = ConditionType.FINISHED
            ended = job.status.is_true(finished) and not snapshot.job.status.is_true(finished)
            if not decision.actions and not ended and decision.requeue_after != 0:
                return decision.requeue_after
            if decision.creates_job:
                # What the Job and its pods do by the next pass is then written with the Job's UID.
                return self._batch_seconds
        return 0.0

    async def _decide_live(
        self, key: Key, job: DPOJob, rejections: Mapping[str, str], *, planned: bool
    ) -> _Decided:
        """Decides from live reads; those of a decision that is `planned` come after the pools."""
        snapshot = await self._read(key, job, rejections, live=not planned)
        made = await self._decide(key, snapshot, live=True)
        if planned and not made.planned:  # nothing was read live
            return await self._decide_live(key, job, rejections, planned=False)
        return made

    def jobs_with_other_places(self) -> list[Key]:
        """Jobs whose place in the queue is no longer the one in their status."""
        return self._waiting.moved()

    def _parse(self, raw: JSONObject) -> DPOJob:
        """The DPOJob of an object. Raises ValidationError."""
        return with_default_cache(DPOJob.model_validate(raw), self._cache_claims)

    async def _decide(self, key: Key, snapshot: Snapshot, *, live: bool = False) -> _Decided:
        """Decides; reads the pools, and what else planning depends on, where it depends on them."""
        specs: Mapping[str, GPUPoolSpec] = {}
        decision = decide(snapshot, self._clock.now())
        planned = isinstance(decision, PlanningRequest)
        if isinstance(decision, PlanningRequest):
            snapshot, pools, specs = await self._reader.read_for_planning(
                snapshot, decision, live=live
            )
            pools = self._reservations.available(key, pools)
            decision = decide_with_pools(snapshot, pools, self._clock.now())
        # Before anything is awaited, so that the next decision sees it.
        self._reservations.record(key, snapshot, decision)
        self._waiting.record(key, decision.status.queue)
        self._first_seen.record(key, snapshot.job.uid, decision.timed)
        return _Decided(snapshot, decision, specs, planned)

    async def _read(
        self, key: Key, job: DPOJob, rejections: Mapping[str, str], *, live: bool
    ) -> Snapshot:
        snapshot = await self._reader.read(job, live=live)
        snapshot = await with_waiting_cause(self._cluster, snapshot, self._clock.now())
        status_seconds = self._poller.notice_seconds
        age = time.monotonic() - self._refreshed.get(key, float("-inf"))
        running = next((pod for pod in snapshot.training_pods if pod.running), None)
        seen = self._poller.latest(key, running.uid) if running is not None else None
        silent = running is not None and self._poller.unreachable(key, running.uid)
        return replace(
            snapshot,
            refresh=age >= status_seconds,
            policy=replace(snapshot.policy, status_seconds=status_seconds),
            progress=seen,
            first_seen=self._first_seen.get(key, job.uid),
            waiting_jobs=self._waiting.by_pool,
            **rejections,  # type: ignore[arg-type]
            progress_unreachable=silent,
        )

    async def _write(
        self, key: Key, raw: JSONObject, job: DPOJob, made: _Decided
    ) -> JSONObject | None:
        """Writes the status; returns the object as it is stored now, None when nothing changed."""
        new = made.decision.status
        if new == job.status or (wire := new.wire()) == job.status.wire():
            return None
        return await self._events.finish(self._store(key, {**raw, "status": wire}, job, made))

    async def _store(self, key: Key, body: JSONObject, job: DPOJob, made: _Decided) -> JSONObject:
        """Writes the status, and records what changed: after a restart there would be no change."""
        try:
            stored = await self._cluster.write_status(DPOJOBS, body)
        except Conflict:
            self._outdated.add(key)
            raise
        STATUS_WRITES.inc()
        snapshot, new = made.snapshot, made.decision.status
        if snapshot.refresh and any(pod.running for pod in snapshot.training_pods):
            self._refreshed[key] = time.monotonic()
        count_changes(snapshot, new, snapshot.policy.currency)
        self._events.record(job, new, self._clock.now())
        return stored

    async def _is_current(self, key: Key, job: DPOJob) -> bool:
        """Whether the DPOJob is still as it was when it was read, before its children.

        When it was deleted in between, the garbage collector may have deleted the child that was then
        found missing, and creating it again would make a second one; when it was changed, the decision was
        about another status. A status that was just written proves the same.
        """
        raw = await self._reader.read_job(key, live=True)
        metadata = (raw or {}).get("metadata") or {}
        return (
            metadata.get("resourceVersion") == job.metadata["resourceVersion"]
            and "deletionTimestamp" not in metadata
        )

    def _update_polling(
        self, key: Key, job: DPOJob, snapshot: Snapshot, *, follows_pools: bool
    ) -> None:
        """Polls the pod that trains; stops polling when none does."""
        finished = job.status.is_true(ConditionType.FINISHED)
        running = [pod for pod in snapshot.training_pods if pod.running and pod.index == 0]
        if running and not finished:
            self._poller.watch(key, running[-1])
            update_budget(key, job, job.status)
        else:
            self._poller.stop(key)
        if finished:
            self._refreshed.pop(key, None)
        waits = follows_pools and not finished
        next_pool = job.spec.hardware.when_full == "NextPool"
        self._dependents.set_waiting(key, for_pools=waits, for_room=waits and next_pool)

    def _forget(self, key: Key) -> None:
        self._poller.stop(key)
        self._dependents.remove(key)
        self._refreshed.pop(key, None)
        self._first_seen.remove(key)
        self._reservations.remove(key)
        self._waiting.remove(key)
        self._outdated.discard(key)

    async def _report_unreadable(self, key: Key, raw: JSONObject, error: ValidationError) -> None:
        part, problem = unreadable_part(error)
        status = stalled_job.readable_conditions(raw)
        if status is None:
            log.warning("%s/%s cannot be read and is left alone: %s", *key, problem)
            return
        generation = raw["metadata"].get("generation", 0)
        new = stalled_job.invalid_spec_status(status, generation, part, problem, self._clock.now())
        await self._write_conditions(raw, status, new)

    async def _report_failure(self, key: Key, error: Exception) -> None:
        with suppress(ApiError, LeaseLost):  # the next pass that fails reports it
            raw = await self._reader.read_job(key, live=True)
            status = None if raw is None else stalled_job.readable_conditions(raw)
            if raw is not None and status is not None:
                generation = raw["metadata"].get("generation", 0)
                new = stalled_job.failed_pass_status(status, generation, error, self._clock.now())
                await self._write_conditions(raw, status, new)

    async def _write_conditions(
        self, raw: JSONObject, status: DPOJobStatus, new: DPOJobStatus
    ) -> None:
        if new != status:
            body = stalled_job.with_conditions(raw, new)
            await self._cluster.write_status(DPOJOBS, {**raw, "status": body})
