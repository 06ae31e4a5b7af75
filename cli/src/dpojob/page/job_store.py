"""What the cluster reported so far: jobs, pools, events and the curves of jobs, for all open pages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from dpojob_api.base import JSONObject
from dpojob_api.job import DPOJob
from dpojob_api.pool import GPUPool

from .curves import Curve
from .training_log import steps_per_epoch, with_log

MAX_EVENTS = 200
"""Events kept of one job."""


@dataclass(frozen=True)
class UnreadableJob:
    """A DPOJob that this version cannot read.

    Attributes:
        metadata: Its metadata.
        problem: The first thing that is wrong with it.
    """

    metadata: JSONObject
    problem: str


@dataclass
class JobStore:
    """The newest state of every object, and a signal when any of it changes.

    Attributes:
        jobs: By namespace and name.
        pools: By name.
        events: By UID of the job they are about, then by the event's own UID.
        curves: What the status showed, by UID of the job.
        log_curves: What the log of the newest training pod has, by UID of the job.
        problems: What cannot be shown, and why; by what is watched.
        loaded: What was listed at least once.
    """

    jobs: dict[tuple[str, str], DPOJob | UnreadableJob] = field(default_factory=dict)
    pools: dict[str, GPUPool] = field(default_factory=dict)
    events: dict[str, dict[str, JSONObject]] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    log_curves: dict[str, Curve] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    loaded: set[str] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def job(self, namespace: str, name: str) -> DPOJob | UnreadableJob | None:
        """Finds a job.

        Args:
            namespace: Its namespace.
            name: Its name.

        Returns:
            The job as it was last reported; None where there is none.
        """
        return self.jobs.get((namespace, name))

    def curve(self, job: DPOJob | UnreadableJob) -> tuple[Curve, bool]:
        """Finds the curve of a job.

        Args:
            job: The job.

        Returns:
            Its curve, empty where nothing was seen; and whether it is from the log of its training pod.
        """
        uid = str(job.metadata.get("uid", ""))
        seen = self.curves.get(uid, Curve())
        logged = self.log_curves.get(uid)
        rate = steps_per_epoch(job) if isinstance(job, DPOJob) else None
        if not logged or rate is None:
            return seen, False
        return with_log(seen, logged, rate), True

    def notify(self) -> None:
        """Wakes everyone who waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    def next_change(self) -> asyncio.Event:
        """Gives the signal of the next change.

        Returns:
            An event that is set when anything changes after this call.
        """
        return self._changed

    def put_job(self, item: JSONObject) -> None:
        """Keeps a job, and a point of its curve.

        Args:
            item: The DPOJob as the API server sent it.
        """
        job = _parse_job(item)
        metadata = job.metadata
        self.jobs[(str(metadata.get("namespace", "")), str(metadata.get("name", "")))] = job
        if isinstance(job, DPOJob) and job.status.progress is not None:
            self.curves.setdefault(job.uid, Curve()).add_progress(job.status.progress)

    def remove_job(self, item: JSONObject) -> None:
        """Forgets a job with its curve and its events.

        Args:
            item: The DPOJob as it was last.
        """
        metadata = item.get("metadata", {})
        self.jobs.pop((str(metadata.get("namespace", "")), str(metadata.get("name", ""))), None)
        uid = str(metadata.get("uid", ""))
        self.curves.pop(uid, None)
        self.log_curves.pop(uid, None)
        self.events.pop(uid, None)

    def put_pool(self, item: JSONObject) -> None:
        """Keeps a pool; one that this version cannot read is left out.

        Args:
            item: The GPUPool as the API server sent it.
        """
        try:
            pool = GPUPool.model_validate(item)
        except ValidationError:
            return
        self.pools[pool.name] = pool

    def remove_pool(self, item: JSONObject) -> None:
        """Forgets a pool.

        Args:
            item: The GPUPool as it was last.
        """
        self.pools.pop(str(item.get("metadata", {}).get("name", "")), None)

    def put_event(self, item: JSONObject) -> None:
        """Keeps an event.

        Args:
            item: The core/v1 Event as the API server sent it.
        """
        about = str(item.get("involvedObject", {}).get("uid", ""))
        kept = self.events.setdefault(about, {})
        kept[str(item.get("metadata", {}).get("uid", ""))] = item
        if len(kept) > MAX_EVENTS:
            del kept[next(iter(kept))]

    def remove_event(self, item: JSONObject) -> None:
        """Keeps an event that the cluster has deleted, as it does after an hour: the page still shows it.

        Args:
            item: The event as it was last.
        """


def _parse_job(item: JSONObject) -> DPOJob | UnreadableJob:
    try:
        return DPOJob.model_validate(item)
    except ValidationError as error:
        first: Any = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return UnreadableJob(dict(item.get("metadata") or {}), f"{where}: {first['msg']}")
