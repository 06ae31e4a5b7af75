"""Creates Events beside the reconciliations, so that none waits for them.

Events are for people, and cost the API server as much as what jobs wait for: while jobs wait for a worker, they wait
too, for `PATIENCE` seconds at most. A creation that fails is tried again, unless the API server refuses the Event
itself. A clean end of the process waits for the status writes that have begun, and creates all Events that are left.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from dpojob_api.base import JSONObject
from dpojob_api.job import DPOJob, DPOJobStatus
from dpojob_operator.process.metrics import DROPPED_EVENTS

from .api_client import ApiClient, ApiError, Conflict
from .events import events_of
from .resources import EVENTS

log = logging.getLogger(__name__)
Result = TypeVar("Result")
MAX_WAITING = 30_000
"""Events that wait to be created; further ones are dropped. 10,000 jobs that are created at once make 20,000 Events. One
takes about 1.6 kB, so that they take 50 MB at most."""
AT_ONCE = 2
"""Requests at once while the process runs: few, since passes over jobs ask the same API server."""
AT_ONCE_IN_THE_END = 32
PATIENCE = 20.0
"""Seconds for which an Event waits while there is more urgent work."""
LOOK_SECONDS = 0.5
"""Seconds between looks whether that work is over or a time has come; in the end, between tries."""
FIRST_RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 30.0
"""Seconds between tries of an Event; they double from the first to the last, and are longer where the API server asks."""
KEEP_SECONDS = 600.0
"""How old an Event becomes whose creation keeps failing."""
FLUSH_SECONDS = 20.0
"""What the end of the process waits for status writes that have begun and for the Events that are left; longer than the
time-out of one request."""
RETRIED_STATUSES = (0, 401, 408, 429)
"""HTTP statuses, beside those from 500 on, that say nothing about the Event: no answer, a token that is being renewed,
too many requests. Others refuse it for good, such as 403 and 404 where its namespace is being deleted."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """An Event that is not created yet."""

    body: JSONObject
    recorded: float
    failures: int = 0


class EventRecorder:
    """A queue of Events, and the task that creates them."""

    def __init__(
        self,
        cluster: ApiClient,
        is_busy: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts empty.

        Args:
            cluster: Creates the Events.
            is_busy: Whether more urgent work waits.
            clock: Seconds that never step.
        """
        self._cluster, self._is_busy, self._clock = cluster, is_busy, clock
        self._new: deque[_Waiting] = deque()
        self._failed: list[tuple[float, int, _Waiting]] = []
        """A heap of the Events to be tried again, each with the time of the next try."""
        self._order = itertools.count()
        self._requested: set[_Waiting] = set()
        """Those whose creation is not answered yet."""
        self._sources: set[asyncio.Future[Any]] = set()
        """What may still record Events, each done when it no longer does."""
        self._recorded = asyncio.Event()

    def record(self, job: DPOJob, new: DPOJobStatus, now: datetime) -> None:
        """Queues the Events for what changed between the job's status and `new`, which was just written."""
        for found in events_of(job, new, now):
            if self._count() >= MAX_WAITING:
                self._drop(found, f"{MAX_WAITING} Events wait already")
            else:
                self._new.append(_Waiting(found, self._clock()))
                self._recorded.set()

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """While it is entered, Events may be recorded, so that the end of `run` waits for its exit."""
        source: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sources.add(source)
        try:
            yield
        finally:
            self._sources.discard(source)
            source.set_result(None)

    async def finish(self, write: Coroutine[Any, Any, Result]) -> Result:
        """Awaits a write that records its Events; it goes on where the caller is cancelled, and `run` ends after it."""
        task = asyncio.create_task(write)
        self._sources.add(task)
        task.add_done_callback(self._sources.discard)
        return await asyncio.shield(task)

    async def run(self) -> None:
        """Creates Events until cancelled, then those that are left, as far as `FLUSH_SECONDS` allow."""
        try:
            while True:
                await self._wait_for_due()
                await asyncio.gather(*map(self._create, self._take(AT_ONCE)))
        finally:
            await self._flush()

    def _count(self) -> int:
        return len(self._new) + len(self._failed) + len(self._requested)

    async def _wait_for_due(self) -> None:
        """Waits for an Event that may be created now."""
        while not self._is_due():
            if self._new or self._failed:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                self._recorded.clear()
                await self._recorded.wait()

    def _is_due(self) -> bool:
        now = self._clock()
        if self._failed and self._failed[0][0] <= now:
            return True
        return bool(self._new) and (not self._is_busy() or self._new[0].recorded + PATIENCE <= now)

    def _take(self, count: int) -> list[_Waiting]:
        """Removes the next Events: those whose next try is due, then new ones."""
        found: list[_Waiting] = []
        while len(found) < count and self._failed and self._failed[0][0] <= self._clock():
            found.append(heapq.heappop(self._failed)[2])
        while len(found) < count and self._new:
            found.append(self._new.popleft())
        self._requested.update(found)
        return found

    async def _flush(self) -> None:
        """Creates all Events, also those that are still recorded meanwhile, as far as the time allows."""
        # Creating an Event again does nothing: its name follows from its content.
        self._new.extendleft(self._requested)
        self._requested.clear()
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                while self._sources or self._count():
                    self._new.extend(waiting for _, _, waiting in self._failed)
                    self._failed.clear()
                    await asyncio.gather(*(self._create_new() for _ in range(AT_ONCE_IN_THE_END)))
                    if self._sources:
                        await asyncio.wait(
                            self._sources,
                            timeout=LOOK_SECONDS,
                            return_when=asyncio.FIRST_COMPLETED,
                        )
                    elif self._failed:
                        await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            DROPPED_EVENTS.inc(self._count())
            log.warning("%d Events were not created within %.0f s", self._count(), FLUSH_SECONDS)

    async def _create_new(self) -> None:
        while self._new:
            for waiting in self._take(1):
                await self._create(waiting)

    async def _create(self, waiting: _Waiting) -> None:
        try:
            await self._cluster.create(EVENTS, waiting.body)
        except Conflict:
            pass  # an earlier try created it, and its answer was lost
        except ApiError as error:
            self._keep_or_drop(waiting, error)
        self._requested.discard(waiting)

    def _keep_or_drop(self, waiting: _Waiting, error: ApiError) -> None:
        now = self._clock()
        is_refused = error.status not in RETRIED_STATUSES and error.status < 500
        if is_refused or now - waiting.recorded > KEEP_SECONDS:
            self._drop(waiting.body, str(error))
            return
        delay = min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(waiting.failures, 10))
        waiting.failures += 1
        due = now + max(delay, error.retry_after or 0.0)
        heapq.heappush(self._failed, (due, next(self._order), waiting))

    def _drop(self, body: JSONObject, cause: str) -> None:
        DROPPED_EVENTS.inc()
        job = body["involvedObject"]
        log.warning(
            "Event %s of %s/%s is dropped: %s", body["reason"], job["namespace"], job["name"], cause
        )
