"""Creates Events beside the reconciliations, so that none waits for them."""

from __future__ import annotations

import asyncio
import logging
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
FLUSH_SECONDS = 4.0
"""What the end of the process waits for the Events that are left."""


class EventRecorder:
    """A queue of Events, and the task that creates them."""

    def __init__(self, cluster: ApiClient) -> None:
        self._cluster = cluster
        self._waiting: asyncio.Queue[JSONObject] = asyncio.Queue(MAX_WAITING)

    def record(self, job: DPOJob, new: DPOJobStatus, now: datetime) -> None:
        """Queues the Events for what changed between the job's status and `new`, which was just written."""
        for found in events_of(job, new, now):
            try:
                self._waiting.put_nowait(found)
            except asyncio.QueueFull:
                log.warning("%d Events wait; one of %s is dropped", MAX_WAITING, job.name)

    async def run(self) -> None:
        """Creates Events until cancelled, then those that are left."""
        batch: list[JSONObject] = []
        try:
            while True:
                if not batch:
                    batch.append(await self._waiting.get())
                    self._fill(batch, AT_ONCE)
                await self._create(batch)
        finally:
            await self._flush(batch)

    async def _flush(self, batch: list[JSONObject]) -> None:
        """Creates the Events of the batch and those that wait, as far as the time allows."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                # Creating an Event again does nothing: its name follows from its content.
                while batch or not self._waiting.empty():
                    self._fill(batch, AT_ONCE_IN_THE_END)
                    await self._create(batch)
        except TimeoutError:
            left = len(batch) + self._waiting.qsize()
            log.warning("%d Events were not created within %.0f s", left, FLUSH_SECONDS)

    def _fill(self, batch: list[JSONObject], size: int) -> None:
        while len(batch) < size and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())

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
