"""A work queue of keys: coalescing, one worker per key at a time, fair queueing by group, back-off, timed returns."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dpojob_operator.kube import ApiError, Conflict, LeaseLost
from dpojob_operator.process.metrics import (
    FAILING,
    RECONCILE_SECONDS,
    RECONCILES,
    WORK_QUEUE_DEPTH,
)
from dpojob_operator.process.ready_keys import ReadyKeys

log = logging.getLogger(__name__)
Key = TypeVar("Key")

FIRST_BACKOFF = 0.1
MAX_BACKOFF = 60.0
"""Seconds between tries of a key that keeps failing."""
LONGEST_COLLECTION = 4
"""How many pauses changes are collected for at most, where they come without a pause."""


@dataclass(slots=True)
class _Timer:
    due: float
    """On the clock of the event loop."""
    latest: float
    """To what time further changes may put it off."""
    handle: asyncio.TimerHandle


class WorkQueue(Generic[Key]):
    """Keys to work on.

    A key added while it is being worked on is worked on once more afterwards; added any number of
    times while it waits, once. A key's work returns the seconds after which it wants to be looked at
    again (0: at once, but others of its group may come first), or None.
    """

    def __init__(
        self,
        work: Callable[[Key], Awaitable[float | None]],
        group: Callable[[Key], Hashable],
        resource: Callable[[Key], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts empty.

        Args:
            work: One pass over a key.
            group: Returns what keys are shared out by, such as their namespace.
            resource: Returns what kind of object a key is of, as the API names it.
            clock: Seconds that never step, by which keys that can wait have waited.
        """
        self._work = work
        self._resource = resource
        self._ready: ReadyKeys[Key] = ReadyKeys(group, clock)
        self._waiting: set[Key] = set()
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._timers: dict[Key, _Timer] = {}
        self._failures: dict[Key, int] = {}
        self._failing: set[Key] = set()
        """Keys whose last pass failed, other than by a conflict, which the next pass resolves."""

    def add(self, key: Key, *, later: bool = False) -> None:
        """Work on the key as soon as a worker is free; with `later`, others of its group may come first.

        Only what is rare may come first, such as a new job: whatever recurs would keep the others waiting.
        """
        self._cancel(key)
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put(key, later=later)
            WORK_QUEUE_DEPTH.set(len(self._ready))

    def is_busy(self) -> bool:
        """Whether keys wait for a worker."""
        return len(self._ready) > 0

    def add_after(self, key: Key, seconds: float) -> None:
        """Work on the key after so long, or earlier if it is due earlier; 0: others of its group may come first.

        A key that waits for a worker already will see what changed until then.
        """
        if key in self._waiting:
            return
        if seconds <= 0:
            self._add_later(key)
            return
        due = asyncio.get_running_loop().time() + seconds
        timer = self._timers.get(key)
        if timer is not None and timer.due <= due:
            timer.latest = min(timer.latest, due)
        else:
            self._set_timer(key, due, due)

    def collect(self, key: Key, pause: float) -> None:
        """Work on the key once no change came for so long, and after `LONGEST_COLLECTION` pauses at the latest.

        Call it for each change. 0: at once, as by `add_after`. A time given to `add_after` is not put off.
        """
        if key in self._waiting or pause <= 0:
            self.add_after(key, pause)
            return
        now = asyncio.get_running_loop().time()
        latest = now + LONGEST_COLLECTION * pause
        if key in self._timers:
            latest = min(latest, self._timers[key].latest)
        self._set_timer(key, min(now + pause, latest), latest)

    def _set_timer(self, key: Key, due: float, latest: float) -> None:
        self._cancel(key)
        handle = asyncio.get_running_loop().call_at(due, self._add_later, key)
        self._timers[key] = _Timer(due, latest, handle)

    def _add_later(self, key: Key) -> None:
        self.add(key, later=True)

    def _cancel(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.handle.cancel()

    async def run(self, workers: int) -> None:
        """Works until cancelled."""
        self._ready.share_out(workers)
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while True:
            key = await self._ready.take()
            WORK_QUEUE_DEPTH.set(len(self._ready))
            self._waiting.discard(key)
            self._running.add(key)
            try:
                await self._once(key)
            finally:
                self._running.discard(key)
                self._ready.release(key)
                if key in self._again:
                    self._again.discard(key)
                    self._add_later(key)
            # A pass may wait for nothing, and thousands in a row would keep probes and watches from being served.
            await asyncio.sleep(0)

    async def _once(self, key: Key) -> None:
        began = time.monotonic()
        try:
            after = await self._work(key)
        except Exception as error:
            self._retry(key, error)
        else:
            self._failures.pop(key, None)
            self._set_failing(key, False)
            RECONCILES.labels("ok").inc()
            if after is not None:
                self.add_after(key, after)
        RECONCILE_SECONDS.observe(time.monotonic() - began)

    def _set_failing(self, key: Key, fails: bool) -> None:
        change = int(fails) - int(key in self._failing)
        (self._failing.add if fails else self._failing.discard)(key)
        # Adding 0 creates the series, so that a resource whose passes have all succeeded has one too.
        FAILING.labels(self._resource(key)).inc(change)

    def _retry(self, key: Key, error: Exception) -> None:
        self._set_failing(key, not isinstance(error, Conflict))
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** min(failures - 1, 12))
        delay *= random.uniform(0.75, 1.25)
        if isinstance(error, Conflict):
            RECONCILES.labels("conflict").inc()
            log.debug("%s changed meanwhile; retry in %.1f s", key, delay)
        elif isinstance(error, LeaseLost):
            RECONCILES.labels("lease_lost").inc()
            log.warning("%s: %s", key, error)
        elif isinstance(error, ApiError):
            RECONCILES.labels("api_error").inc()
            delay = max(delay, error.retry_after or 0.0)
            log.warning("%s: %s; retry in %.1f s", key, error, delay)
        else:
            RECONCILES.labels("error").inc()
            log.exception("%s: unexpected error; retry in %.1f s", key, delay, exc_info=error)
        self.add_after(key, delay)
