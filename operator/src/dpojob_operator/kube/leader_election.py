"""One leader among replicas, through a Lease.

`kubernetes.aio.leaderelection` keeps the Lease; its gaps are closed here. An error in a
renewal would end the election and not the work: the lock turns every error into "not renewed". A
hung renewal would outlive the lease: the lock's calls are bounded. Dead work would keep renewing:
election and work are raced, and when either ends the process does. And a leader that was frozen
finds, before its next write, that its time is over. Correctness never rests on any of this: names,
UIDs and resourceVersions hold against two writers as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.baselock import BaseLock

from dpojob_api.base import JSONObject
from dpojob_operator.process import Settings
from dpojob_operator.process.task_supervisor import run_until_first_exit

from .api_client import ApiClient, ApiError
from .resources import LEASES

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """This replica's lease has run out; another may lead by now."""


class LeaseLock(BaseLock):  # type: ignore[misc]  # the library has no types
    """The Lease over our own client: every call is bounded, and no error escapes."""

    def __init__(self, cluster: ApiClient, settings: Settings, bound: float) -> None:
        identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
        super().__init__(settings.lease_name, settings.lease_namespace, identity)
        self._cluster = cluster
        self._bound = bound
        self._duration = settings.lease_seconds
        self._seen: JSONObject = {}
        self._until = 0.0

    @property
    def held(self) -> bool:
        """Whether this process holds the lease, by a clock that also runs while the process is suspended."""
        return time.monotonic() < self._until

    async def get(self, name: str, namespace: str) -> tuple[bool, Any]:
        """(True, record), or (False, error); the library creates the Lease when the error is a 404."""
        try:
            async with asyncio.timeout(self._bound):
                raw = await self._cluster.get(LEASES, namespace, name)
        except (ApiError, TimeoutError) as error:
            return False, ApiException(status=0, reason=str(error))
        if raw is None:
            missing = ApiException(status=404, reason="Not Found")
            missing.body = json.dumps({"code": 404})
            return False, missing
        self._seen = raw
        spec = raw.get("spec") or {}
        return True, LeaderElectionRecord(
            spec.get("holderIdentity") or None,
            str(spec.get("leaseDurationSeconds", self._duration)),
            spec.get("acquireTime"),
            spec.get("renewTime"),
        )

    async def create(self, name: str, namespace: str, election_record: Any) -> bool:
        """Whether the Lease was created with this process as its holder."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
            "spec": self._spec(str(election_record.holder_identity), {}),
        }
        return await self._take(lambda: self._cluster.create(LEASES, body))

    async def update(self, name: str, namespace: str, updated_record: Any) -> bool:
        """Whether this process holds the Lease now; False where it changed since `get`."""
        spec = self._spec(str(updated_record.holder_identity), self._seen.get("spec") or {})
        body = {**self._seen, "spec": spec}
        return await self._take(lambda: self._cluster.replace(LEASES, body))

    async def release(self) -> None:
        """Lets the next replica lead at once, when this one ends in order."""
        if not self.held:
            return
        self._until = 0.0
        spec = {**(self._seen.get("spec") or {}), "holderIdentity": ""}
        with contextlib.suppress(ApiError, TimeoutError):
            async with asyncio.timeout(self._bound):
                await self._cluster.replace(LEASES, {**self._seen, "spec": spec})

    async def _take(self, write: Callable[[], Awaitable[JSONObject]]) -> bool:
        requested_at = time.monotonic()
        try:
            async with asyncio.timeout(self._bound):
                self._seen = await write()
        except (ApiError, TimeoutError) as error:
            log.info("lease not taken: %s", error)
            return False
        # Counted from before the request: the others count from after it.
        self._until = requested_at + self._duration
        return True

    def _spec(self, holder: str, before: JSONObject) -> JSONObject:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        already_held = before.get("holderIdentity") == holder
        changes = int(before.get("leaseTransitions") or 0) + (0 if already_held else 1)
        return {
            "holderIdentity": holder,
            "leaseDurationSeconds": self._duration,
            "acquireTime": before.get("acquireTime") if already_held else now,
            "renewTime": now,
            "leaseTransitions": changes,
        }


async def run_as_leader(
    cluster: ApiClient, settings: Settings, operate: Callable[[], Awaitable[None]]
) -> None:
    """Runs `operate` while this replica leads; returns when either the lease or the work ends."""
    if not settings.leader_election:
        await operate()
        return
    deadline = settings.lease_seconds * 2 / 3
    retry = max(1.0, settings.lease_seconds / 7.5)
    lock = LeaseLock(cluster, settings, bound=deadline / 2)
    elected = asyncio.Event()

    async def begin() -> None:
        elected.set()

    async def work() -> None:
        await elected.wait()
        log.info("%s leads", lock.identity)

        def guard() -> None:
            if not lock.held:
                raise LeaseLost(f"lease {settings.lease_name} has run out")

        cluster.guard = guard
        await operate()

    election = LeaderElection(Config(lock, settings.lease_seconds, deadline, retry, begin, None))
    try:
        await run_until_first_exit(election.run(), work())
    finally:
        await lock.release()
