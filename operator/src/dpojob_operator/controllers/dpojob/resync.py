"""Lists all DPOJobs periodically and queues them, which makes up for lost events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import get_args

from dpojob_api.job import Phase
from dpojob_operator.decide import is_settled
from dpojob_operator.indexes import InspectionCache, OutputLockIndex
from dpojob_operator.kube import HANDLED_FIELDS, ApiClient, ApiError, Key, key_of
from dpojob_operator.kube.resources import DPOJOBS
from dpojob_operator.process.metrics import PHASES, RESYNC_TIME

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
        inspections: InspectionCache,
        output_locks: OutputLockIndex,
        known: Callable[[], Collection[Key]],
    ) -> None:
        """`known` returns the jobs that other components keep state of."""
        self._cluster = cluster
        self._namespaces = namespaces
        self._every = every
        self._add = add
        self._inspections = inspections
        self._output_locks = output_locks
        self._known = known
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
            RESYNC_TIME.set_to_current_time()
            await asyncio.sleep(self._every)

    async def _once(self) -> None:
        phases: Counter[str] = Counter()
        seen: set[Key] = set()
        for namespace in self._namespaces or (None,):
            async for raw in self._cluster.list(DPOJOBS, namespace, keep=HANDLED_FIELDS):
                key = key_of(raw)
                seen.add(key)
                phases[(raw.get("status") or {}).get("phase", "Pending")] += 1
                self._inspections.record(raw)
                self._output_locks.record(raw)
                if self._last is None or not is_settled(raw):
                    self._add(key)
        for key in set(self._known()) - seen:
            self._add(key)  # deleted, and the event was lost
        for phase in get_args(Phase):
            PHASES.labels(phase).set(phases[phase])
