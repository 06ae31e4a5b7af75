"""Reads the CostQuotas of a job's namespace: from the store, or live to confirm what rests on them."""

from __future__ import annotations

from dataclasses import replace

from dpojob_operator.decide import Snapshot
from dpojob_operator.indexes import ObjectStores
from dpojob_operator.kube import ApiClient
from dpojob_operator.kube.resources import COSTQUOTAS


async def with_quotas(
    cluster: ApiClient, stores: ObjectStores, snapshot: Snapshot, *, live: bool
) -> Snapshot:
    """The snapshot with the quotas; with `live` they are listed, unless the store knows none. Raises ApiError."""
    namespace, uid = snapshot.job.namespace, snapshot.job.uid
    if live and (stores.quotas_of(namespace) or stores.unreadable_quotas_of(namespace)):
        async for raw in cluster.list(COSTQUOTAS, namespace):
            stores.quotas.apply(raw)
    quotas = tuple(index.of_job(uid) for index in stores.quotas_of(namespace))
    unreadable = tuple(quota.name for quota in stores.unreadable_quotas_of(namespace))
    return replace(snapshot, quotas=quotas, unreadable_quotas=unreadable)
