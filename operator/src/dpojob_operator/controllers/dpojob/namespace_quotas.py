"""Reads the CostQuotas of a namespace: from the store, or live to confirm what rests on them."""

from __future__ import annotations

from dpojob_api.cost_quota import CostQuota
from dpojob_operator.indexes import ObjectStores
from dpojob_operator.kube import ApiClient
from dpojob_operator.kube.resources import COSTQUOTAS


async def read_quotas(
    cluster: ApiClient, stores: ObjectStores, namespace: str, *, live: bool
) -> tuple[CostQuota, ...]:
    """The quotas by name; with `live` they are listed, unless the store knows none. Raises ApiError."""
    if live and stores.quotas_of(namespace):
        async for raw in cluster.list(COSTQUOTAS, namespace):
            stores.quotas.apply(raw)
    return stores.quotas_of(namespace)
