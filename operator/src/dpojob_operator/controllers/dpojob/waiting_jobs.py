"""The jobs that wait for a node, by pool: what the place of each is counted from.

It is kept in memory only. After a restart each job's first pass adds it again, with the beginning of its wait
from its status, so that the order stays; until then places may be too low.
"""

from __future__ import annotations

from collections.abc import Mapping

from dpojob_api.job import QueueStatus
from dpojob_operator.decide import WaitingJob
from dpojob_operator.kube import Key


class WaitingJobs:
    """The waits that go on; each job has at most one."""

    def __init__(self) -> None:
        self._pools: dict[Key, str] = {}
        self._waits: dict[str, dict[Key, WaitingJob]] = {}
        self._listed: dict[str, tuple[WaitingJob, ...]] = {}

    def by_pool(self) -> Mapping[str, tuple[WaitingJob, ...]]:
        """Returns the waits of all jobs, those of the caller's job included."""
        for pool, waits in self._waits.items():
            if pool not in self._listed:
                self._listed[pool] = tuple(waits.values())
        return self._listed

    def record(self, key: Key, queue: QueueStatus | None) -> None:
        """Records the wait of a job; a job without a place is in no queue of ours."""
        if queue is None or queue.since is None or queue.pool is None or queue.position is None:
            self.remove(key)
            return
        wait = WaitingJob(queue.since, "/".join(key))
        if self._waits.get(queue.pool, {}).get(key) == wait:
            return
        self.remove(key)
        self._pools[key] = queue.pool
        self._waits.setdefault(queue.pool, {})[key] = wait
        self._listed.pop(queue.pool, None)

    def remove(self, key: Key) -> None:
        """Ends the wait of a job."""
        pool = self._pools.pop(key, None)
        if pool is not None:
            del self._waits[pool][key]
            self._listed.pop(pool, None)
