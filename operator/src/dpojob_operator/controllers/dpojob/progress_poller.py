"""Reads `GET /progress` of running training pods and keeps the newest figures.

Polling is apart from reconciling: figures for metrics come every few seconds from the pods, and the
API server gets a request only as often as the status may change.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from pydantic import ValidationError

from dpojob_api.constants import PROGRESS_PORT
from dpojob_api.progress import Progress
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.kube import ApiClient, ApiError
from dpojob_operator.kube.resources import PODS
from dpojob_operator.process.metrics import RUNNING

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 3.0
"""Time-out of one reading."""
MAX_BYTES = 65536
"""Bytes of an answer that are read."""
MAX_CONCURRENT = 32


@dataclass
class _Watched:
    namespace: str
    pod: str
    uid: str
    address: str | None
    progress: Progress | None = None
    notified_at: float = 0.0


def parse(text: str) -> Progress:
    """A Progress; NaN and infinities, which Python writes and JSON lacks, become absent."""
    return Progress.model_validate(json.loads(text, parse_constant=lambda _: None))


class ProgressPoller:
    """Polls the watched pods, a limited number at a time."""

    def __init__(
        self,
        cluster: ApiClient,
        *,
        by_proxy: bool,
        every: float,
        notify_every: float,
        notify: Callable[[tuple[str, str]], None],
    ) -> None:
        self._cluster = cluster
        self._by_proxy = by_proxy
        self._every = every
        self._notify_every = notify_every
        self._notify = notify
        self._watched: dict[tuple[str, str], _Watched] = {}
        self._session: aiohttp.ClientSession | None = None
        self._limit = asyncio.Semaphore(MAX_CONCURRENT)

    def watch(self, key: tuple[str, str], pod: PodSnapshot) -> None:
        """Polls this pod for the job `key` from now on."""
        known = self._watched.get(key)
        if known is None or known.uid != pod.uid:
            self._watched[key] = _Watched(key[0], pod.name, pod.uid, pod.address)
        else:
            known.address = pod.address

    def stop(self, key: tuple[str, str]) -> None:
        """Stops polling for a job that no longer runs, and ends its metric series."""
        self._watched.pop(key, None)
        RUNNING.progress.pop(key, None)

    def latest(self, key: tuple[str, str], pod_uid: str) -> Progress | None:
        """The newest progress of the pod with that UID."""
        known = self._watched.get(key)
        return known.progress if known is not None and known.uid == pod_uid else None

    async def run(self) -> None:
        """Polls until cancelled."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as self._session:
            while True:
                keys = list(self._watched)
                await asyncio.gather(*(self._poll(key) for key in keys))
                await asyncio.sleep(self._every)

    async def _poll(self, key: tuple[str, str]) -> None:
        async with self._limit:
            watched = self._watched.get(key)
            if watched is None:
                return
            try:
                progress = parse(await self._read(watched))
            except (ApiError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                kind = "is no Progress" if isinstance(error, ValidationError) else "not reached"
                log.debug("progress of pod %s/%s %s: %s", key[0], watched.pod, kind, error)
                return
        if self._watched.get(key) is not watched:
            return  # stopped, or replaced by another pod
        first = watched.progress is None
        watched.progress = RUNNING.progress[key] = progress
        if first or time.monotonic() - watched.notified_at >= self._notify_every:
            watched.notified_at = time.monotonic()
            self._notify(key)

    async def _read(self, watched: _Watched) -> str:
        if self._by_proxy:
            sub = f"http:{watched.pod}:{PROGRESS_PORT}"
            path = PODS.path(watched.namespace, None) + f"/{sub}/proxy/progress"
            return await self._cluster.text(PODS, path, TIMEOUT_SECONDS)
        if watched.address is None:
            raise OSError("the pod has no address yet")
        host = f"[{watched.address}]" if ":" in watched.address else watched.address
        assert self._session is not None  # set before the first poll
        url = f"http://{host}:{PROGRESS_PORT}/progress"
        async with self._session.get(url, allow_redirects=False) as answer:
            answer.raise_for_status()
            data = await answer.content.read(MAX_BYTES)
            return data.decode()
