"""Follows the logs of the training pods of those jobs that an open page shows."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress

from dpojob.cluster.api import Api
from dpojob.cluster.resources import PODS
from dpojob.errors import CommandError
from dpojob_api.constants import LABEL_JOB_UID, LABEL_STAGE, STAGE_TRAIN
from dpojob_api.job import DPOJob

from .curves import Curve
from .job_store import JobStore
from .training_log import add_line, first_process_pod

RETRY_SECONDS = 5.0
"""Wait before a log that ended, or that cannot be read, is asked for again."""
MAX_BYTES = 2**26
"""Bytes of a log that are read."""


class LogFollower:
    """One task for each job that is shown, however many pages show it.

    Args:
        api: The API server whose pods' logs are read.
        store: Has the jobs, and takes the curves that are read from their logs.
    """

    def __init__(self, api: Api, store: JobStore) -> None:
        self._api = api
        self._store = store
        self._viewers: Counter[tuple[str, str]] = Counter()
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    @asynccontextmanager
    async def following(self, keys: Sequence[tuple[str, str]]) -> AsyncIterator[None]:
        """Follows the logs of jobs while the context is open.

        Args:
            keys: Namespaces and names of the jobs.

        Yields:
            Once.
        """
        for key in keys:
            self._viewers[key] += 1
            if key not in self._tasks:
                self._tasks[key] = asyncio.create_task(self._follow(*key))
        try:
            yield
        finally:
            for key in keys:
                self._viewers[key] -= 1
                if not self._viewers[key]:
                    del self._viewers[key]
                    self._tasks.pop(key).cancel()

    async def _follow(self, namespace: str, name: str) -> None:
        while True:
            job = self._store.job(namespace, name)
            if not isinstance(job, DPOJob):
                await self._store.next_change().wait()
                continue
            # Without the right to read pods or logs, the status has the newest figures.
            with suppress(CommandError):
                await self._read(job)
                if job.status.completion_time is not None:
                    return
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, job: DPOJob) -> None:
        """Reads the log of the job's newest training pod to its end."""
        selector = f"{LABEL_JOB_UID}={job.uid},{LABEL_STAGE}={STAGE_TRAIN}"
        pods = await self._api.list_all(PODS, job.namespace, labelSelector=selector)
        pod = first_process_pod(pods)
        if pod is None:
            return
        curve = Curve()
        log = self._api.log(pod, job.namespace, follow=True, limit=MAX_BYTES)
        async with aclosing(log) as lines:
            async for line in lines:
                if add_line(curve, line):
                    self._store.log_curves[job.uid] = curve
                    self._store.notify()
