"""Reads `GET /progress` of running training pods and keeps the newest figures.

Polling is apart from reconciling: figures for metrics come every few seconds from the pods, and the
API server gets a request only as often as the status may change.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import aiohttp
from pydantic_core import from_json

from dpojob_api.constants import PROGRESS_PORT
from dpojob_api.progress import Progress
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.kube import NO_COMPRESSION, ApiClient, read_body
from dpojob_operator.process.fair_tasks import FairTasks
from dpojob_operator.process.metrics import RUNNING

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 3.0
"""Time-out of one reading, from the connection to the end of the body."""
MAX_BYTES = 65536
"""A longer body is no Progress."""
MAX_CONCURRENT = 32
"""Readings at once of pods that are new or answer quickly."""
MAX_CONCURRENT_SLOW = 48
"""Readings at once of pods that are slow or silent; apart, so that these never delay the others."""
SLOW_SECONDS = 1.0
"""A reading that takes longer, or gives no progress, makes its pod slow."""
QUICK_READINGS = 5
"""Quick readings in a row after which a pod is slow no more."""
UNREACHABLE_SECONDS = 60.0
"""After readings have failed for this long, a pod is unreachable: it serves its progress within seconds."""
MAX_READINGS_PER_SECOND = 40.0
"""Readings of all pods; with more running pods each is read less often: 1,000 every 25 s."""
MAX_NOTICES_PER_SECOND = 33.0
"""Notices about all jobs, each of which writes a status: for 1,000 running jobs at most one each in 30 s."""
MAX_BACKOFF_SECONDS = 60.0
"""Longest time between two readings of a pod that does not answer."""


@dataclass(eq=False)  # A key of a queue, hashed as the object that it is.
class _Watched:
    key: tuple[str, str]
    """Namespace and name of the job."""
    pod: str
    uid: str
    address: str | None
    progress: Progress | None = None
    notified_at: float = 0.0
    quick_readings: int = QUICK_READINGS
    """Quick readings since the last that was not; a new pod counts as quick."""
    failures: int = 0
    """Readings that failed since the last that succeeded."""
    failing_since: float | None = None
    """When the first of these failed, on the monotonic clock."""
    unreachable: bool = False
    due: float = 0.0
    """When it is read next, on the monotonic clock."""
    reading: bool = False
    """Whether it is being read or waits in the queue."""


def _namespace(watched: _Watched) -> str:
    return watched.key[0]


def parse(body: bytes) -> Progress:
    """A Progress; a figure that is NaN or infinite becomes absent.

    Raises ValueError for every other body: the parser bounds the depth and the length of numbers, and
    the model the range of every figure.
    """
    return Progress.model_validate(from_json(body))


class ProgressPoller:
    """Polls the watched pods, a limited number at a time, queued fairly by namespace.

    Whatever a pod answers, or does not, affects the figures of its own job only.
    """

    def __init__(
        self,
        cluster: ApiClient,
        *,
        by_proxy: bool,
        every: float,
        notify_every: float,
        notify: Callable[[tuple[str, str]], None],
        unreachable_after: float = UNREACHABLE_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._by_proxy = by_proxy
        self._every = every
        self._notify_every = notify_every
        self._notify = notify
        self._unreachable_after = unreachable_after
        self._watched: dict[tuple[str, str], _Watched] = {}

    @property
    def reading_seconds(self) -> float:
        """Time between two readings of a pod that answers."""
        return max(self._every, len(self._watched) / MAX_READINGS_PER_SECOND)

    @property
    def notice_seconds(self) -> float:
        """Least time between two notices about a job, and between two writes of its progress."""
        return max(self._notify_every, len(self._watched) / MAX_NOTICES_PER_SECOND)

    def watch(self, key: tuple[str, str], pod: PodSnapshot) -> None:
        """Polls this pod for the job `key` from now on."""
        known = self._watched.get(key)
        if known is None or known.uid != pod.uid:
            self._watched[key] = _Watched(key, pod.name, pod.uid, pod.address)
        elif known.address != pod.address:
            known.address, known.due, known.failures = pod.address, 0.0, 0

    def stop(self, key: tuple[str, str]) -> None:
        """Stops polling for a job that no longer runs, and ends its metric series."""
        self._watched.pop(key, None)
        RUNNING.remove(key)

    def latest(self, key: tuple[str, str], pod_uid: str) -> Progress | None:
        """The newest progress of the pod with that UID."""
        known = self._watched.get(key)
        return known.progress if known is not None and known.uid == pod_uid else None

    def unreachable(self, key: tuple[str, str], pod_uid: str) -> bool:
        """Whether every reading of the pod with that UID has failed for a while."""
        known = self._watched.get(key)
        return known is not None and known.uid == pod_uid and known.unreachable

    async def run(self) -> None:
        """Polls until cancelled."""
        # Addresses are reused by other pods, so no connection is kept.
        connector = aiohttp.TCPConnector(force_close=True)
        async with (
            aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
            asyncio.TaskGroup() as readings,
        ):
            quick, slow = (
                FairTasks(partial(self._poll, session), _namespace, limit, readings.create_task)
                for limit in (MAX_CONCURRENT, MAX_CONCURRENT_SLOW)
            )
            while True:
                now = time.monotonic()
                for watched in self._watched.values():
                    if not watched.reading and watched.due <= now:
                        watched.reading = True
                        (quick if watched.quick_readings >= QUICK_READINGS else slow).put(watched)
                await asyncio.sleep(self.reading_seconds)

    async def _poll(self, session: aiohttp.ClientSession, watched: _Watched) -> None:
        key = watched.key
        began = time.monotonic()
        progress = await self._read(key, watched, session)
        watched.reading = False
        is_quick = progress is not None and time.monotonic() - began <= SLOW_SECONDS
        watched.quick_readings = watched.quick_readings + 1 if is_quick else 0
        if self._watched.get(key) is watched:
            self._note_reachability(key, watched, reached=progress is not None)
        if progress is None:
            watched.failures += 1
            delay = self._every * 2 ** min(watched.failures, 12)
            watched.due = time.monotonic() + min(max(self._every, MAX_BACKOFF_SECONDS), delay)
            return
        watched.failures = 0
        if self._watched.get(key) is not watched:
            return  # stopped, or replaced by another pod
        first = watched.progress is None
        watched.progress = RUNNING.progress[key] = progress
        if first or time.monotonic() - watched.notified_at >= self.notice_seconds:
            watched.notified_at = time.monotonic()
            self._notify(key)

    def _note_reachability(self, key: tuple[str, str], watched: _Watched, *, reached: bool) -> None:
        """Tells a pod that is starting from one that stays silent; notifies of each change."""
        now = time.monotonic()
        watched.failing_since = None if reached else (watched.failing_since or now)
        silent = watched.failing_since is not None and (
            now - watched.failing_since >= self._unreachable_after
        )
        RUNNING.unreachable[key] = silent
        if silent != watched.unreachable:
            watched.unreachable = silent
            self._notify(key)

    async def _read(
        self, key: tuple[str, str], watched: _Watched, session: aiohttp.ClientSession
    ) -> Progress | None:
        """The progress; None when the job is no longer watched, or its pod gave none."""
        if self._watched.get(key) is not watched:
            return None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return parse(await self._body(watched, session))
        except Exception as error:
            # The pod belongs to a user: no answer may end the process, whatever reading it raises.
            log.debug("no progress of pod %s/%s: %r", key[0], watched.pod, error)
            return None

    async def _body(self, watched: _Watched, session: aiohttp.ClientSession) -> bytes:
        if self._by_proxy:
            return await self._cluster.read_from_pod(
                watched.key[0], watched.pod, PROGRESS_PORT, "/progress", MAX_BYTES
            )
        if watched.address is None:
            raise OSError("the pod has no address yet")
        host = f"[{watched.address}]" if ":" in watched.address else watched.address
        url = f"http://{host}:{PROGRESS_PORT}/progress"
        async with session.get(url, allow_redirects=False, headers=NO_COMPRESSION) as answer:
            answer.raise_for_status()
            return await read_body(answer, MAX_BYTES)
