"""Lists everything that is watched periodically, and queues all DPOJobs, which makes up for lost events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar, get_args

from dpojob_api.base import JSONObject
from dpojob_api.conditions import ConditionType
from dpojob_api.constants import Phase
from dpojob_operator.decide import is_finished, is_settled
from dpojob_operator.decide.conditions import conditions_by_type
from dpojob_operator.decide.object_snapshots import RawObject
from dpojob_operator.decide.queueing import is_managed_elsewhere
from dpojob_operator.kube import ApiClient, ApiError, Key, NotFound, ObjectSink, key_of
from dpojob_operator.kube.resources import (
    CLAIMS,
    COSTQUOTAS,
    DPOJOBS,
    GPUPOOLS,
    JOBS,
    MANAGED,
    PODS,
    Resource,
)
from dpojob_operator.process import metrics

log = logging.getLogger(__name__)
Found = TypeVar("Found")
FIRST_RETRY = 1.0
"""Seconds after a failed listing; doubles up to the interval."""
MAX_SILENT_INTERVALS = 3
"""Intervals, each with the time of a request, without an answer to a listing after which the process is unhealthy."""


class Resync:
    """The periodic listing, and the process's health, which is judged by it."""

    def __init__(
        self,
        cluster: ApiClient,
        namespaces: Sequence[str],
        every: float,
        request_seconds: float,
        add: Callable[[Key], None],
        sink: ObjectSink,
    ) -> None:
        """Keeps what is given.

        Args:
            cluster: What is listed.
            namespaces: Those that are listed; all when empty.
            every: Seconds from the end of a listing to the next one.
            request_seconds: The longest time that `cluster` waits for the answer to a request.
            add: Takes the key of each DPOJob that may need a pass.
            sink: Takes all that is listed, as from a watch.
        """
        self._cluster = cluster
        self._namespaces = namespaces
        self._every = every
        self._add = add
        self._sink = sink
        self.listed = asyncio.Event()
        """Set once everything was listed."""
        self._max_silence = MAX_SILENT_INTERVALS * (every + request_seconds)
        self._answered = time.monotonic()

    @property
    def ready(self) -> bool:
        """Whether everything was listed once."""
        return self.listed.is_set()

    @property
    def healthy(self) -> bool:
        """Whether a part of a listing was answered lately: how long a whole one takes depends on the cluster."""
        return time.monotonic() - self._answered <= self._max_silence

    async def run(self) -> None:
        """Lists until cancelled."""
        while True:
            await self._once()
            await asyncio.sleep(self._every)

    async def _once(self) -> None:
        # Side by side: the API server makes a page of one kind while this process reads one of another.
        async with asyncio.TaskGroup() as lists:
            for resource in (GPUPOOLS, CLAIMS, JOBS, PODS, COSTQUOTAS):
                lists.create_task(self._list(resource, lambda _: None))
            jobs = lists.create_task(self._list(DPOJOBS, self._queue))
        phases: Counter[tuple[str, str]] = Counter()
        reasons: Counter[tuple[str, str]] = Counter()
        for found in jobs.result():
            if found is not None:
                namespace, phase, reason = found
                phases[namespace, phase] += 1
                if reason is not None:
                    reasons[namespace, reason] += 1
        self.listed.set()
        metrics.JOBS.replace(phases, reasons)

    def _queue(self, raw: JSONObject) -> tuple[str, str, str | None] | None:
        """Queues a DPOJob unless it has settled; returns its namespace, phase and reason of waiting."""
        if is_managed_elsewhere(raw):
            return None
        key = key_of(raw)
        if not self.listed.is_set() or not is_settled(raw):
            self._add(key)
        return key[0], _phase(raw), _reason_of_waiting(raw)

    async def _list(self, resource: Resource, look: Callable[[JSONObject], Found]) -> list[Found]:
        """What `look` returns for each object of a kind, all of which the sink takes."""
        found: list[Found] = []
        for namespace in (self._namespaces if resource.namespaced else ()) or (None,):
            retry = FIRST_RETRY
            while True:
                try:
                    found += await self._list_once(resource, namespace, look)
                    break
                except ApiError as error:
                    if resource is COSTQUOTAS and isinstance(error, NotFound):
                        break  # CRDs of an earlier version, which are upgraded apart from the chart
                    log.warning("%s not listed: %s; retry in %.0f s", resource.plural, error, retry)
                # What was listed before is not listed again: where many requests fail, all of them in a row hardly ever succeed.
                await asyncio.sleep(retry)
                retry = min(self._every, 2 * retry)
        return found

    async def _list_once(
        self, resource: Resource, namespace: str | None, look: Callable[[JSONObject], Found]
    ) -> list[Found]:
        labels = MANAGED if resource in (JOBS, PODS) else None
        path = resource.path(namespace)
        uids: set[str] = set()
        found: list[Found] = []

        def take(raw: JSONObject) -> None:
            self._answered = time.monotonic()
            uids.add(raw["metadata"]["uid"])
            self._sink.take_object(path, "LISTED", raw)
            found.append(look(raw))

        version = await self._cluster.scan(resource, namespace, labels, take)
        self._answered = time.monotonic()
        self._sink.take_list(path, frozenset(uids), version)
        return found


def _phase(raw: RawObject) -> str:
    """The phase; Pending for one that this version does not know, and before the first pass."""
    phase = str((raw.get("status") or {}).get("phase"))
    return phase if phase in get_args(Phase) else "Pending"


def _reason_of_waiting(raw: RawObject) -> str | None:
    """The reason of Ready; None for a job that has ended."""
    if is_finished(raw):
        return None
    ready = conditions_by_type(raw).get(ConditionType.READY, {})
    return metrics.known_reason(str(ready.get("reason")))
