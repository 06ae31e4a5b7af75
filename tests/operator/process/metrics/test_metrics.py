"""The table of metrics in docs/operate.md is that of the process, and what a standby does not have."""

from __future__ import annotations

import re

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from tests.kit.repository import ROOT

from dpojob_api.progress import Progress
from dpojob_operator.process.metrics import PoolFigures, QuotaFigures, counters
from dpojob_operator.process.metrics.cluster_state import (
    JobGauges,
    LeadershipGauge,
    PoolGauges,
    QuotaGauges,
)
from dpojob_operator.process.metrics.running_jobs import RunningJobs

Described = dict[str, tuple[str, tuple[str, ...]]]
ROW = re.compile(r"\| `(dpojob_\w+)(?:\{([\w,]+)\})?` \| (\w+) \| ")
BASE_UNITS = ("_seconds", "_bytes", "_ratio", "_total", "_info", "_price")
NOT_BASE = re.compile(r"(milli|micro|minutes|hours|gib|mib|percent)(_|$)")


def existing() -> Described:
    found: Described = {}
    for value in vars(counters).values():
        if isinstance(value, MetricWrapperBase):
            suffix = {"counter": "_total", "info": "_info"}.get(value._type, "")
            found[value._name + suffix] = (value._type, tuple(value._labelnames))
    found["dpojob_build_info"] = ("info", ("version",))
    for collector in (RunningJobs, PoolGauges, QuotaGauges, JobGauges, LeadershipGauge):
        for name, (_, labels) in collector.FAMILIES.items():
            found[name] = ("gauge", tuple(labels))
    return found


def documented() -> Described:
    text = (ROOT / "docs/operate.md").read_text()
    table = text.partition("## Metrics")[2].partition("\n## ")[0]
    return {
        name: (kind, tuple(labels.split(",")) if labels else ())
        for name, labels, kind in ROW.findall(table)
    }


def test_the_documented_metrics_are_those_of_the_process() -> None:
    assert documented() == existing()


def test_every_metric_of_the_registry_is_one_of_these() -> None:
    names = {family.name for family in REGISTRY.collect() if family.name.startswith("dpojob_")}
    known = {re.sub("_(total|info)$", "", name) for name in existing()}
    assert names <= known and names


@pytest.mark.parametrize("name", existing())
def test_names_have_base_units_and_counters_their_suffix(name: str) -> None:
    kind, labels = existing()[name]
    assert (kind == "counter") == name.endswith("_total")
    assert not NOT_BASE.search(name)
    if kind == "histogram":
        assert name.endswith(BASE_UNITS)
    per_job = name.startswith("dpojob_training_")
    assert ("name" in labels) is per_job, "only running jobs have series of their own"


def test_figures_in_gib_are_bytes() -> None:
    jobs = RunningJobs()
    jobs.progress["ns", "x"] = Progress(peak_memory_gib=1.5, accuracy=0.75)
    jobs.unreachable["ns", "x"] = True
    values = {s.name: s.value for family in jobs.collect() for s in family.samples}
    assert values["dpojob_training_peak_memory_bytes"] == 1.5 * 2**30
    assert values["dpojob_training_reward_accuracy_ratio"] == 0.75
    assert values["dpojob_training_healthy"] == values["dpojob_training_unreachable"] == 1
    jobs.remove(("ns", "x"))
    assert not [s for family in jobs.collect() for s in family.samples]


def test_a_standby_has_no_series_that_ages() -> None:
    """`time() - dpojob_last_resync_timestamp_seconds` would page for a replica that does not work."""
    jobs, pools, leadership = JobGauges(), PoolGauges(), LeadershipGauge()
    assert not [s for family in (*jobs.collect(), *pools.collect()) for s in family.samples]
    assert [s.value for family in leadership.collect() for s in family.samples] == [0.0]
    jobs.replace({("ns", "Queued"): 2}, {("ns", "QuotaExceeded"): 2})
    pools.replace([PoolFigures("t4", "T4", 1, 4, 3, 0.75, ready=True)], ["newer"])
    samples = {
        (s.name, *s.labels.values()): s.value
        for family in (*jobs.collect(), *pools.collect())
        for s in family.samples
    }
    assert samples.pop(("dpojob_last_resync_timestamp_seconds",)) > 1.7e9
    assert samples == {
        ("dpojob_jobs", "ns", "Queued"): 2,
        ("dpojob_unfinished_jobs", "ns", "QuotaExceeded"): 2,
        ("dpojob_pool_nodes", "t4"): 1,
        ("dpojob_pool_gpus", "t4", "T4"): 4,
        ("dpojob_pool_free_gpus", "t4"): 3,
        ("dpojob_pool_hourly_price", "t4"): 0.75,
        ("dpojob_pool_ready", "t4"): 1,
        ("dpojob_pool_ready", "newer"): 0,
    }


def test_the_series_of_a_quota_end_with_it() -> None:
    quotas = QuotaGauges()
    quotas.replace("ns", [QuotaFigures("team", limit=100, used=40, reserved=5)], [])
    samples = {s.name: (s.value, s.labels) for f in quotas.collect() for s in f.samples}
    labels = {"namespace": "ns", "quota": "team"}
    assert samples == {
        "dpojob_cost_quota_limit": (100, labels),
        "dpojob_cost_quota_used": (40, labels),
        "dpojob_cost_quota_reserved": (5, labels),
        "dpojob_cost_quota_ready": (1, labels),
    }
    quotas.replace("ns", [], ["team"])
    assert {s.name: (s.value, s.labels) for f in quotas.collect() for s in f.samples} == {
        "dpojob_cost_quota_ready": (0, labels)
    }
    quotas.replace("ns", [], [])
    assert not [s for family in quotas.collect() for s in family.samples]
