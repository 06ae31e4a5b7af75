"""A real Prometheus scrapes a real operator: the chart's rules and dashboards get data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from tests.kit.cluster import prometheus
from tests.kit.operator.cost_quotas import costquota
from tests.kit.operator.process_probes import address, ask
from tests.kit.operator_fixture import JobNamespace, Process, failed, pool
from tests.kit.waiting import wait_until

from dpojob_api.progress import Progress
from dpojob_operator.process import metrics

pytestmark = pytest.mark.cluster
ALERTS_OF_A_GOOD_RUN: set[str] = {
    rule["alert"] for rule in prometheus.rules() if "alert" in rule
} - {"DPOJobUnhealthy", "DPOJobBudgetNearlyUsed", "DPOJobProgressUnreachable",
     "DPOJobPlatformFailure", "DPOJobPoolNotReady"}  # fmt: skip
"""Their condition does not hold in this scenario; promtool's cases have each of them fire."""


@pytest.fixture
def running_job() -> Iterator[str]:
    """The address of the operator's own collector of running jobs, with a job whose figures are complete.

    No container runs behind the pods of this cluster, so no pod of it serves progress.
    """
    key = ("team", "running")
    progress = Progress(
        step=10, maxSteps=100, loss=0.5, evalLoss=0.6, margin=1.0, evalMargin=0.9, accuracy=0.8,
        evalAccuracy=0.7, etaSeconds=90, stepsPerSecond=1.0, peakMemoryGiB=1.0,
        peakReservedGiB=2.0, peakUsedGiB=3.0,
        health={"healthy": False, "reason": "MarginFlat", "message": "m."},
    )  # fmt: skip
    registry = CollectorRegistry()
    registry.register(metrics.RUNNING)
    metrics.RUNNING.progress[key] = progress
    metrics.RUNNING.budget_used[key] = 0.95
    metrics.RUNNING.unreachable[key] = True
    server, thread = start_http_server(0, "127.0.0.1", registry)
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()
    metrics.RUNNING.remove(key)


@pytest.fixture
def settings() -> dict[str, str]:
    """Lists of jobs and pools that are at most a second old."""
    return {"RESYNC_SECONDS": "1"}


def play(job_namespace: JobNamespace) -> None:
    """A job that completes, one whose dataset is invalid, one that fails by the platform, and one that
    waits; a pool whose nodes contradict it, and a quota of cost."""
    namespace = job_namespace.namespace
    gpu = {"model": "T4", "memoryGiB": 16, "bf16": False, "perNode": 8}
    job_namespace.apply(costquota("team", "1000000"))
    job_namespace.apply(pool(f"invalid-{namespace}", namespace, gpu=gpu, byNameOnly=True))
    for name in ("complete", "broken"):
        job_namespace.job(name, dataset={"repo": f"tiny/{name}"}, hardware={"pool": namespace})
        job_namespace.inspected(name)
    job_namespace.trained("complete")
    job_namespace.end_pod(
        job_namespace.pod("broken", "train"), 11, failed("GPUNotUsable", "No GPU.")
    )
    problem = {"code": "MissingColumn", "message": "No column 'chosen'."}
    report = {"valid": False, "reason": "DatasetInvalid", "columns": ["a"], "problems": [problem]}
    job_namespace.job("invalid", dataset={"repo": "tiny/invalid"})
    job_namespace.inspected("invalid", report, exit_code=1)
    job_namespace.job("waiting", model={"fromJob": {"name": "absent"}})
    job_namespace.until_condition("complete", "Complete", "Completed")
    for name in ("broken", "invalid"):
        job_namespace.until(name, lambda name=name: job_namespace.condition(name, "Failed")[0])


def test_every_rule_and_panel_gets_data(
    job_namespace: JobNamespace, operator: Process, running_job: str, tmp_path: Path
) -> None:
    scraped = urlsplit(address(job_namespace, operator)).netloc
    with prometheus.running([scraped, running_job], tmp_path) as server:
        job_namespace.until("Prometheus scrapes", lambda: len(server.query("up == 1")) == 2)
        play(job_namespace)
        queries = dict(prometheus.panels())
        for rule in prometheus.rules():
            if "record" in rule:
                queries[rule["record"]] = rule["record"]
            elif rule["alert"] not in ALERTS_OF_A_GOOD_RUN:
                queries[rule["alert"]] = f'ALERTS{{alertname="{rule["alert"]}"}}'
        wait_until_each_has_data(server, queries)
        # A scrape that takes longer than a second makes an alert pending for a moment.
        for name in ALERTS_OF_A_GOOD_RUN:
            query = f'ALERTS{{alertname="{name}"}}'
            wait_until(lambda query=query: not server.query(query), f"{name} is not pending")
    for each in (scraped, running_job):
        code, text = ask(f"http://{each}/metrics")
        assert code == 200 and "\ndpojob_" in text
        # Prometheus' own linter: help, units, suffixes, reserved names.
        prometheus.promtool("check", "metrics", text=text)


def wait_until_each_has_data(server: prometheus.Prometheus, queries: dict[str, str]) -> None:
    missing = dict(queries)

    def none_is_missing() -> bool:
        for name, query in [*missing.items()]:
            if server.query(query):
                del missing[name]
        return not missing

    try:
        wait_until(none_is_missing, "every query has data")
    except AssertionError as error:
        raise AssertionError(f"no data: {missing}") from error
