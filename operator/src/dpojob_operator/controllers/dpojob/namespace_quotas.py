"""Reads the CostQuotas of a job's namespace: from the store, or live to confirm what rests on them."""

from __future__ import annotations

from dataclasses import replace

from dpojob_api.conditions import ConditionType
from dpojob_operator.decide import Snapshot
from dpojob_operator.indexes import ObjectStores
from dpojob_operator.kube import ApiClient
from dpojob_operator.kube.resources import COSTQUOTAS


async def with_quotas(
    cluster: ApiClient, stores: ObjectStores, snapshot: Snapshot, *, live: bool
) -> Snapshot:
    """The snapshot with the quotas. Raises ApiError.

    With `live` they are listed where the store knows one, and for a job that has ended: it is about to be deleted,
    and each quota has to have counted it by then.
    """
    namespace, uid = snapshot.job.namespace, snapshot.job.uid
    known = stores.quotas_of(namespace) or stores.unreadable_quotas_of(namespace)
    if live and (known or snapshot.job.status.is_true(ConditionType.FINISHED)):
        async for raw in cluster.list(COSTQUOTAS, namespace):
            stores.quotas.apply_read(raw)
    quotas = tuple(index.of_job(uid) for index in stores.quotas_of(namespace))
    unreadable = tuple(quota.name for quota in stores.unreadable_quotas_of(namespace))
    return replace(snapshot, quotas=quotas, unreadable_quotas=unreadable)
