"""Lists everything that is watched periodically, and queues all DPOJobs, which makes up for lost events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import get_args

from dpojob_api.base import JSONObject
from dpojob_api.conditions import ConditionType
from dpojob_api.job import Phase
from dpojob_operator.decide import is_settled
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
FIRST_RETRY = 1.0
"""Seconds after a failed listing; doubles up to the interval."""
MAX_FAILED_INTERVALS = 3
"""Intervals without a successful listing after which the process is unhealthy."""


class Resync:
    """The periodic listing, and the process's health, which is judged by it."""

    def __init__(
        self,
        cluster: ApiClient,
        namespaces: Sequence[str],
        every: float,
        add: Callable[[Key], None],
        sink: ObjectSink,
    ) -> None:
        """`sink` takes all that is listed, as from a watch."""
        self._cluster = cluster
        self._namespaces = namespaces
        self._every = every
        self._add = add
        self._sink = sink
        self.listed = asyncio.Event()
        """Set once everything was listed."""
        self._began = time.monotonic()
        self._last: float | None = None

    @property
    def ready(self) -> bool:
        """Whether a listing ever succeeded."""
        return self._last is not None

    @property
    def healthy(self) -> bool:
        """Whether one succeeded within the last few intervals."""
        age = time.monotonic() - (self._began if self._last is None else self._last)
        return age <= MAX_FAILED_INTERVALS * self._every

    async def run(self) -> None:
        """Lists until cancelled."""
        retry = FIRST_RETRY
        while True:
            try:
                await self._once()
            except ApiError as error:
                log.warning("DPOJobs not listed: %s; retry in %.0f s", error, retry)
                await asyncio.sleep(retry)
                retry = min(self._every, 2 * retry)
                continue
            self._last, retry = time.monotonic(), FIRST_RETRY
            await asyncio.sleep(self._every)

    async def _once(self) -> None:
        # Children first, so that the first pass over a DPOJob finds them.
        for resource in (GPUPOOLS, CLAIMS, JOBS, PODS):
            await self._list(resource, lambda _: None)
        with suppress(
            NotFound
        ):  # CRDs of an earlier version, which are upgraded apart from the chart
            await self._list(COSTQUOTAS, lambda _: None)
        phases: Counter[tuple[str, str]] = Counter()
        reasons: Counter[tuple[str, str]] = Counter()

        def count(raw: JSONObject) -> None:
            if is_managed_elsewhere(raw):
                return
            key = key_of(raw)
            phases[key[0], _phase(raw)] += 1
            if (reason := _reason_of_waiting(raw)) is not None:
                reasons[key[0], reason] += 1
            if self._last is None or not is_settled(raw):
                self._add(key)

        await self._list(DPOJOBS, count)
        self.listed.set()
        metrics.JOBS.replace(phases, reasons)

    async def _list(self, resource: Resource, count: Callable[[JSONObject], None]) -> None:
        """Shows the sink all objects of a kind, and calls `count` with each."""
        labels = MANAGED if resource in (JOBS, PODS) else None
        for namespace in (self._namespaces if resource.namespaced else ()) or (None,):
            path = resource.path(namespace)
            uids: set[str] = set()

            def take(raw: JSONObject, path: str = path, uids: set[str] = uids) -> None:
                uids.add(raw["metadata"]["uid"])
                self._sink.take_object(path, "LISTED", raw)
                count(raw)

            version = await self._cluster.scan(resource, namespace, labels, take)
            self._sink.take_list(path, frozenset(uids), version)


def _phase(raw: RawObject) -> str:
    """The phase; Pending for one that this version does not know, and before the first pass."""
    phase = str((raw.get("status") or {}).get("phase"))
    return phase if phase in get_args(Phase) else "Pending"


def _reason_of_waiting(raw: RawObject) -> str | None:
    """The reason of Ready; None for a job that has ended."""
    conditions = {c["type"]: c for c in (raw.get("status") or {}).get("conditions") or []}
    if conditions.get(ConditionType.FINISHED, {}).get("status") == "True":
        return None
    return metrics.known_reason(str(conditions.get(ConditionType.READY, {}).get("reason")))
