"""Puts the parts together: everything that works once this replica may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dpojob_operator.controllers.dpojob.action_executor import ActionExecutor
from dpojob_operator.controllers.dpojob.progress_poller import ProgressPoller
from dpojob_operator.controllers.dpojob.reconciler import Reconciler
from dpojob_operator.controllers.dpojob.resync import Resync
from dpojob_operator.controllers.dpojob.state_reader import StateReader
from dpojob_operator.controllers.gpupool.gpupool_controller import GPUPoolController
from dpojob_operator.decide import Policy
from dpojob_operator.indexes.dependents_index import DependentsIndex, Key
from dpojob_operator.indexes.inspection_cache import InspectionCache
from dpojob_operator.indexes.output_lock_index import OutputLockIndex
from dpojob_operator.kube.api_client import ApiClient, inside_cluster
from dpojob_operator.process.clock import Clock
from dpojob_operator.process.metrics import RUNNING
from dpojob_operator.process.settings import Settings

from .handlers import Handlers
from .work_queue import WorkQueue

POOLS: Key = ("", "GPUPools")
"""The key under which all pools are refreshed; no DPOJob's, whose namespace is never empty."""
POOLS_SOON = 3.0
"""Seconds in which events about pods coalesce into one refresh of the pools."""
POOLS_EVERY = 30.0
"""Seconds: Nodes send us no events."""


@dataclass(frozen=True)
class Components:
    """The parts that outlive one pass."""

    handlers: Handlers
    resync: Resync
    parts: tuple[Callable[[], Awaitable[None]], ...]
    """Run until cancelled; when one ends, the process must."""


def build_components(cluster: ApiClient, settings: Settings, now: Clock) -> Components:
    """Everything but Kopf, the HTTP server and the election."""
    policy = Policy(
        currency=settings.currency,
        status_seconds=settings.status_seconds,
        missing_grace_seconds=settings.missing_grace_seconds,
        secret_grace_seconds=settings.secret_grace_seconds,
    )
    hints = DependentsIndex()
    peers = InspectionCache(cluster, settings.hub_endpoint, hints)
    outputs = OutputLockIndex(cluster, hints)
    outside = settings.progress_via == "auto" and not inside_cluster()
    poller = ProgressPoller(
        cluster,
        by_proxy=settings.progress_via == "proxy" or outside,
        every=settings.progress_seconds,
        tell_every=settings.status_seconds,
        tell=lambda key: queue.add(key),
    )
    reconciler = Reconciler(
        cluster,
        StateReader(cluster, policy, peers, outputs, hints),
        ActionExecutor(cluster, settings),
        poller,
        hints,
        settings.status_seconds,
        now,
    )

    def wake_those_waiting_for_room() -> None:
        for key in tuple(hints.for_pools):
            queue.add(key)

    keeper = GPUPoolController(cluster, changed=wake_those_waiting_for_room, now=now)

    async def work(key: Key) -> float | None:
        if key != POOLS:
            return await reconciler.reconcile(key)
        await keeper.refresh()
        return POOLS_EVERY

    queue: WorkQueue[Key] = WorkQueue(work)
    handlers = Handlers(
        add=queue.add,
        refresh_pools=lambda: queue.add_after(POOLS, POOLS_SOON),
        hints=hints,
        peers=peers,
        outputs=outputs,
        written=reconciler.written_versions,
    )
    resync = Resync(
        cluster,
        settings.namespaces,
        settings.resync_seconds,
        queue.add,
        peers,
        outputs,
        known=lambda: {*RUNNING.progress, *reconciler.written_versions},
    )

    async def run_queue() -> None:
        queue.add(POOLS)
        await queue.run(settings.workers)

    return Components(handlers, resync, (run_queue, resync.run, poller.run))
