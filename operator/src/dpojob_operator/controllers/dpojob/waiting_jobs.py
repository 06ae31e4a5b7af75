"""The jobs that wait for a node, by pool, in the order of the queue: what the place of each is looked up in.

It is kept in memory only. After a restart each job's first pass adds it again, with the beginning of its wait
from its status, so that the order stays; until then places may be too low.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dpojob_api.job import QueueStatus
from dpojob_operator.decide import WaitingJob
from dpojob_operator.decide.summary.queue_wait import rounded_place
from dpojob_operator.indexes import OrderedGroups
from dpojob_operator.kube import Key


class WaitingJobs:
    """The waits that go on; each job has at most one."""

    def __init__(self) -> None:
        self._queues: OrderedGroups[Key, str, WaitingJob] = OrderedGroups()
        self._places: dict[str, int] = {}
        """The places in the statuses, by the name of the wait."""

    @property
    def by_pool(self) -> Mapping[str, Sequence[WaitingJob]]:
        """The waits of all jobs, sorted, those of the caller's job included; it changes with each record."""
        return self._queues.groups

    def record(self, key: Key, queue: QueueStatus | None) -> None:
        """Records the wait of a job; a job without a place is in no queue of ours."""
        if queue is None or queue.since is None or queue.pool is None or queue.position is None:
            self.remove(key)
        else:
            wait = WaitingJob(queue.since, "/".join(key))
            self._queues.put(key, queue.pool, wait)
            self._places[wait.name] = queue.position

    def remove(self, key: Key) -> None:
        """Ends the wait of a job."""
        self._queues.remove(key)
        self._places.pop("/".join(key), None)

    def moved(self) -> list[Key]:
        """Returns the jobs whose place is no longer the one in their status."""
        return [
            key_of_name(wait.name)
            for queue in self._queues.groups.values()
            for place, wait in enumerate(queue, start=1)
            if self._places[wait.name] != rounded_place(place)
        ]


def key_of_name(name: str) -> Key:
    """The key of a DPOJob from its namespace and name in one text."""
    namespace, _, name = name.partition("/")
    return namespace, name
