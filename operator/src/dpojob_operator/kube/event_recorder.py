"""Creates Events beside the reconciliations, so that none waits for them.

Events are for people, and cost the API server as much as what jobs wait for: while jobs wait for a worker, they wait
too, for `PATIENCE` seconds at most.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime

from dpojob_api.base import JSONObject
from dpojob_api.job import DPOJob, DPOJobStatus

from .api_client import ApiClient, ApiError
from .events import events_of
from .resources import EVENTS

log = logging.getLogger(__name__)
MAX_WAITING = 10_000
"""Events that wait to be created; further ones are dropped."""
AT_ONCE = 2
"""Requests at once while the process runs: few, since passes over jobs ask the same API server."""
AT_ONCE_IN_THE_END = 16
PATIENCE = 20.0
"""Seconds for which an Event waits while there is more urgent work."""
LOOK_SECONDS = 0.5
"""Seconds between looks whether that work is over."""
FLUSH_SECONDS = 4.0
"""What the end of the process waits for the Events that are left."""


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
        self._waiting: deque[tuple[JSONObject, float]] = deque()
        """The Events, each with the time until which it waits for more urgent work."""
        self._recorded = asyncio.Event()

    def record(self, job: DPOJob, new: DPOJobStatus, now: datetime) -> None:
        """Queues the Events for what changed between the job's status and `new`, which was just written."""
        until = self._clock() + PATIENCE
        for found in events_of(job, new, now):
            if len(self._waiting) >= MAX_WAITING:
                log.warning("%d Events wait; one of %s is dropped", MAX_WAITING, job.name)
            else:
                self._waiting.append((found, until))
                self._recorded.set()

    async def run(self) -> None:
        """Creates Events until cancelled, then those that are left."""
        batch: list[JSONObject] = []
        try:
            while True:
                if not batch:
                    await self._wait_for_due()
                    self._fill(batch, AT_ONCE)
                await self._create(batch)
        finally:
            await self._flush(batch)

    async def _wait_for_due(self) -> None:
        """Waits for an Event that may be created now."""
        while not self._waiting:
            self._recorded.clear()
            await self._recorded.wait()
        while self._is_busy() and self._clock() < self._waiting[0][1]:
            await asyncio.sleep(LOOK_SECONDS)

    async def _flush(self, batch: list[JSONObject]) -> None:
        """Creates the Events of the batch and those that wait, as far as the time allows."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                # Creating an Event again does nothing: its name follows from its content.
                while batch or self._waiting:
                    self._fill(batch, AT_ONCE_IN_THE_END)
                    await self._create(batch)
        except TimeoutError:
            left = len(batch) + len(self._waiting)
            log.warning("%d Events were not created within %.0f s", left, FLUSH_SECONDS)

    def _fill(self, batch: list[JSONObject], size: int) -> None:
        while len(batch) < size and self._waiting:
            batch.append(self._waiting.popleft()[0])

    async def _create(self, batch: list[JSONObject]) -> None:
        """Creates the Events of the batch, and empties it."""
        await asyncio.gather(*map(self._create_one, batch))
        batch.clear()

    async def _create_one(self, body: JSONObject) -> None:
        try:
            await self._cluster.create(EVENTS, body)
        except ApiError as error:
            # For people only, and nothing depends on it: it is not tried again.
            log.info("Event %s of %s: %s", body["reason"], body["involvedObject"]["name"], error)
