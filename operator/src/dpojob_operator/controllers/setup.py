"""Builds the controllers and connects them; they run once this replica leads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from dpojob_operator.controllers.costquota import CostQuotaController
from dpojob_operator.controllers.dpojob import (
    ActionExecutor,
    ProgressPoller,
    Reconciler,
    Resync,
    StateReader,
)
from dpojob_operator.controllers.gpupool import GPUPoolController
from dpojob_operator.decide import Policy
from dpojob_operator.indexes import (
    DependentsIndex,
    InspectionCache,
    JobCosts,
    ObjectStores,
    OutputLockIndex,
)
from dpojob_operator.kube import ApiClient, EventRecorder, Key, inside_cluster
from dpojob_operator.kube.resources import COSTQUOTAS, DPOJOBS, GPUPOOLS
from dpojob_operator.process import Clock, Settings

from .handlers import Handlers
from .work_queue import LONGEST_COLLECTION, WorkQueue


def _namespace(key: Key) -> str:
    return key[0]


POOLS_KEY: Key = ("", "GPUPools")
"""The key under which all pools are refreshed; no DPOJob's, whose namespace is never empty."""
QUOTAS_NAME = "CostQuotas"
"""The key, with a namespace, under which its quotas are updated; no DPOJob's, whose name has no capitals."""
POOL_REFRESH_DELAY = 3.0
"""Seconds in which events about pods coalesce into one refresh of the pools."""
POOL_REFRESH_INTERVAL = 30.0
"""Seconds; Nodes are not watched."""


def _resource(key: Key) -> str:
    if key == POOLS_KEY:
        return GPUPOOLS.plural
    return COSTQUOTAS.plural if key[1] == QUOTAS_NAME else DPOJOBS.plural


@dataclass(frozen=True)
class Components:
    """The components of a running operator."""

    handlers: Handlers
    resync: Resync
    record_events: Callable[[], Awaitable[None]]
    """Creates Events until cancelled, and then those that are left. It runs beside the leader election, so that another
    replica may lead meanwhile."""
    parts: tuple[Callable[[], Awaitable[None]], ...]
    """Each runs until cancelled; when one ends, the process ends."""


def build_components(cluster: ApiClient, settings: Settings, clock: Clock) -> Components:
    """Builds everything except Kopf, the HTTP server and the leader election."""
    policy = Policy(
        currency=settings.currency,
        status_seconds=settings.status_seconds,
        missing_grace_seconds=settings.missing_grace_seconds,
        secret_grace_seconds=settings.secret_grace_seconds,
        operator_namespace=settings.lease_namespace,
        allow_judge_programs=settings.allow_judge_programs,
    )
    stores = ObjectStores()
    cluster.observe = stores.observe
    dependents = DependentsIndex()
    inspections = InspectionCache(
        cluster, stores, settings.hub_endpoint, dependents, resolved=lambda key: queue.add(key)
    )
    output_locks = OutputLockIndex(cluster, dependents)
    job_costs = JobCosts()
    outside_cluster = settings.progress_via == "auto" and not inside_cluster()
    poller = ProgressPoller(
        cluster,
        by_proxy=settings.progress_via == "proxy" or outside_cluster,
        every=settings.progress_seconds,
        notify_every=settings.status_seconds,
        notify=lambda key: queue.add(key, later=True),
    )
    events = EventRecorder(cluster, is_busy=lambda: queue.is_busy())
    reconciler = Reconciler(
        cluster,
        StateReader(cluster, stores, policy, inspections, output_locks, dependents),
        ActionExecutor(cluster, settings),
        poller,
        dependents,
        events,
        clock,
        settings.cache_claims,
        LONGEST_COLLECTION * settings.batch_seconds,
    )

    def requeue_jobs_waiting_for_room() -> None:
        for key in {*dependents.waiting_for_room, *reconciler.jobs_with_other_places()}:
            queue.add(key, later=True)

    pool_controller = GPUPoolController(
        cluster,
        stores,
        changed=requeue_jobs_waiting_for_room,
        now=clock.now,
        watches_all_namespaces=not settings.namespaces,
    )

    quota_controller = CostQuotaController(
        cluster, stores, job_costs, requeue=lambda key: queue.add(key, later=True), now=clock.now
    )

    async def work(key: Key) -> float | None:
        if key[1] == QUOTAS_NAME:
            return await quota_controller.refresh(key[0])
        if key != POOLS_KEY:
            return await reconciler.reconcile(key)
        await pool_controller.refresh()
        return POOL_REFRESH_INTERVAL

    queue: WorkQueue[Key] = WorkQueue(work, group=_namespace, resource=_resource)
    handlers = Handlers(
        add=queue.add,
        add_later=lambda key: queue.collect(key, settings.batch_seconds),
        refresh_pools=lambda: queue.add_after(POOLS_KEY, POOL_REFRESH_DELAY),
        stores=stores,
        dependents=dependents,
        inspections=inspections,
        output_locks=output_locks,
        job_costs=job_costs,
        refresh_quotas=lambda namespace, after: queue.add_after((namespace, QUOTAS_NAME), after),
    )
    resync = Resync(
        cluster,
        settings.namespaces,
        settings.resync_seconds,
        settings.request_seconds,
        partial(queue.add, later=True),
        handlers,
    )

    async def run_queue() -> None:
        # Before that, every child would seem to be absent and would be asked for.
        await resync.listed.wait()
        queue.add(POOLS_KEY)
        with events.awaited():
            await queue.run(settings.workers)

    return Components(handlers, resync, events.run, (run_queue, resync.run, poller.run))
