"""A CostQuota is added up once, when it is read, and not for each of its jobs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from dpojob_api.cost_quota import CostQuota, CountedJob
from dpojob_operator.decide import QuotaSnapshot
from dpojob_operator.indexes import ObjectStores, QuotaIndex
from dpojob_operator.kube.resources import COSTQUOTAS


class Watched(list[CountedJob]):
    """Entries that count how often they are gone through."""

    passes = 0

    def __iter__(self) -> Iterator[CountedJob]:
        self.passes += 1
        return super().__iter__()


def test_no_job_is_looked_up_through_the_others() -> None:
    entries = Watched(
        CountedJob(uid=f"u{n}", name=f"j{n}", spent=Decimal(n), reserved=Decimal(1))
        for n in range(100)
    )
    written = {"metadata": {"name": "team"}, "spec": {"maxCost": "10000"}}
    quota = CostQuota.model_validate(written)
    quota.status.jobs = entries
    index = QuotaIndex(quota)
    passes = entries.passes
    for number in range(100):
        found = index.of_job(f"u{number}")
        assert found.entry is not None and found.entry.spent == number
        assert (found.used, found.reserved, found.room) == (4950, 100, 4950)
    assert index.of_job("unknown").entry is None
    assert entries.passes == passes


def test_the_quotas_of_a_namespace_are_by_name_and_those_of_another_version_apart() -> None:
    stores = ObjectStores()
    for number, (name, max_cost) in enumerate([("b", "5"), ("a", "7"), ("newer", ["much"])], 1):
        metadata = {
            "namespace": "ns", "name": name, "uid": name, "resourceVersion": str(number)
        }  # fmt: skip
        stores.observe(COSTQUOTAS, {"metadata": metadata, "spec": {"maxCost": max_cost}})
    read: list[QuotaSnapshot] = [index.of_job("u") for index in stores.quotas_of("ns")]
    assert [(each.name, each.max_cost) for each in read] == [("a", 7), ("b", 5)]
    (newer,) = stores.unreadable_quotas_of("ns")
    assert newer.name == "newer" and newer.problem.startswith("spec.maxCost: ")
    assert stores.quotas_of("other") == () and stores.unreadable_quotas_of("other") == ()
