"""The chart grants the operator what it needs, nothing else, and nothing on Secrets."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.cluster import fake_kueue
from tests.kit.cluster.chart_rights import Account, render
from tests.kit.operator.cost_quotas import costquota
from tests.kit.operator.process_probes import address, ask
from tests.kit.operator_fixture import (
    ROOT,
    JobNamespace,
    Process,
    dpojob,
    foreign_job,
    pool,
)

from devcluster.control_plane.audit import Request, read
from dpojob_operator.decide.child_names import rendezvous_name, training_name
from dpojob_operator.decide.summary import ADVICE

pytestmark = pytest.mark.cluster
CORE = "(core)"
DOCUMENTED_ONLY = (CORE, "pods/proxy", "get")
"""What an operator outside the cluster needs, which the chart does not install."""


@pytest.fixture
def with_chart_rights(
    job_namespace: JobNamespace, own_account: Account, tmp_path: Path
) -> Iterator[Process]:
    process = Process(
        str(own_account.kubeconfig), job_namespace.namespace, tmp_path / "log",
        LEADER_ELECTION="true", LEASE_NAMESPACE=job_namespace.namespace,
        LEASE_NAME=own_account.name,
    )  # fmt: skip
    process.start()
    yield process
    process.stop(signal.SIGKILL)
    print(process.log.read_text()[-6000:])


def requests_of_operators(job_namespace: JobNamespace) -> list[Request]:
    """The requests of all operators of this session that run with the chart's rights."""
    requests = read(job_namespace.cluster.state.audit_log)
    # Tests of the command work as a tenant, who is refused on purpose.
    return [request for request in requests if not request.user.endswith(":tenant")]


@pytest.mark.last_of_session
def test_the_chart_grants_what_the_operator_asks_for_and_nothing_else(
    job_namespace: JobNamespace, own_account: Account, with_chart_rights: Process
) -> None:
    """Jobs that use every permission run here, and the operators of all other tests were refused nothing."""
    two_nodes = {"model": "T4", "memoryGiB": 16, "bf16": False, "perNode": 1}
    job_namespace.apply(pool(job_namespace.namespace, job_namespace.namespace, gpu=two_nodes))
    job_namespace.apply(costquota("team", "1000000"))
    job_namespace.job("base", ttlSecondsAfterFinished=1)
    job_namespace.job("next", model={"fromJob": {"kind": "TrainJob", "name": "none"}})
    job_namespace.inspected("base")
    job_namespace.trained("base")
    job_namespace.until(
        "deleted after its time", lambda: job_namespace.get("dpojob", "base") is None
    )
    job_namespace.until_condition("next", "DatasetValid", "WaitingForJob")
    stops_training(job_namespace)
    meets_a_service_of_another_owner(job_namespace)
    meets_a_full_quota_of_pods(job_namespace)

    def used() -> set[tuple[str, tuple[str, str, str]]]:
        return {
            (request.reason.partition(" of ")[2].partition(" to ")[0], permission(request))
            for request in requests_of_operators(job_namespace)
            if request.user == own_account.user
        }

    job_namespace.until("every permission is used", lambda: own_account.granted <= used())
    refused = [request for request in requests_of_operators(job_namespace) if not request.allowed]
    assert refused == []
    assert used() == own_account.granted
    status, metrics = ask(address(job_namespace, with_chart_rights) + "/metrics")
    assert status == 200
    assert 'code="403"' not in metrics.replace("_created", "")


def permission(request: Request) -> tuple[str, str, str]:
    return request.group, request.resource, request.verb


def stops_training(job_namespace: JobNamespace) -> None:
    """Its queue evicts it, its user moves it to another queue, then suspends it."""
    manifest = dpojob("stopped")
    manifest["metadata"]["labels"] = dict(fake_kueue.QUEUE)
    job_namespace.apply(manifest)
    job_namespace.inspected("stopped")
    pod = job_namespace.pod("stopped", "train")
    job = pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]
    job_namespace.patch_job(job, fake_kueue.eviction())
    job_namespace.until_condition("stopped", "Ready", "SuspendedByQueue")
    moved = f"{fake_kueue.QUEUE_LABEL}=other"
    job_namespace.kubectl("label", "--overwrite", "dpojob", "stopped", moved)
    queue = ("get", "job", job, "-o", "jsonpath={.metadata.labels}")
    job_namespace.until("it is moved", lambda: '"other"' in job_namespace.kubectl(*queue))
    job_namespace.suspend("stopped", True)


def meets_a_service_of_another_owner(job_namespace: JobNamespace) -> None:
    job_namespace.job("wide", hardware={"nodes": 2, "gpus": 2})
    raw = job_namespace.get("dpojob", "wide")
    assert raw is not None
    training = training_name("wide", raw["metadata"]["uid"], 1)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": rendezvous_name(training)},
        "spec": {"clusterIP": "None", "selector": {"app": "other"}},
    }
    job_namespace.apply(service)
    job_namespace.inspected("wide")
    job_namespace.until_condition("wide", "Failed", "JobNameConflict")


def meets_a_full_quota_of_pods(job_namespace: JobNamespace) -> None:
    """A quota that refuses pods, and no Job: the Job's Events alone say so."""
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team"},
        "spec": {"hard": {"pods": "0"}},
    }
    job_namespace.apply(quota)
    # Until the quota's usage is counted, it refuses nothing.
    counted = ("get", "resourcequota", "team", "-o", "jsonpath={.status.used.pods}")
    job_namespace.until("the quota is counted", lambda: job_namespace.kubectl(*counted))
    job_namespace.job("refused")
    message = job_namespace.until_condition("refused", "Ready", "QuotaExceeded")
    assert "exceeded quota: team" in message and message.endswith(ADVICE["QuotaExceeded"])


def test_the_operator_may_not_read_secrets(
    own_account: Account, job_namespace: JobNamespace
) -> None:
    for verb in ("get", "list", "watch"):
        output = job_namespace.kubectl(
            "auth", "can-i", verb, "secrets", f"--as={own_account.user}", check=False
        )
        assert output.strip() == "no"


def test_the_documented_permissions_are_those_of_the_chart(account: Account) -> None:
    documented = set()
    text = (ROOT / "docs/operate.md").read_text()
    table = text.partition("## Permissions")[2].partition("\n## ")[0]
    for line in table.splitlines():
        if not line.startswith("| ") or line.startswith("| API group"):
            continue
        group, resources, verbs, _ = (cell.strip() for cell in line.strip("|").split("|"))
        documented |= {
            (group, resource, verb) for resource in resources.split() for verb in verbs.split()
        }
    granted = {(group or CORE, *rest) for _, (group, *rest) in account.granted}
    assert documented == granted | {DOCUMENTED_ONLY}


def test_the_admission_policy_limits_deletes_and_edits_to_the_jobs_of_dpojobs(
    job_namespace: JobNamespace, own_account: Account
) -> None:
    values = {
        "admissionPolicy.enabled": "true",
        "namespaces": f"{{{job_namespace.namespace}}}",
    }
    policy = render(
        job_namespace.cluster, own_account.name, own_account.namespace, "admission-policy", **values
    )
    manager = "app.kubernetes.io/managed-by"
    labels: dict[str, dict[str, str]] = {
        "unlabelled": {}, "of-helm": {manager: "Helm"}, "of-a-dpojob": {manager: "dpojob"}
    }  # fmt: skip
    jobs = [foreign_job(job) for job in labels]
    for job in jobs:
        job["metadata"]["labels"] = labels[job["metadata"]["name"]]
    job_namespace.apply(*jobs)

    def deletes(job: str, *options: str) -> bool:
        command = ("delete", "job", job, "--wait=false", *options)
        return "deleted" in job_namespace.kubectl(*command, check=False)

    def edits(job: str, patch: str) -> bool:
        command = ("patch", "job", job, "--type=merge", "-p", patch, as_operator)
        return "patched" in job_namespace.kubectl(*command, check=False)

    as_operator = f"--as={own_account.user}"
    label = json.dumps({"metadata": {"labels": fake_kueue.QUEUE}})
    assert deletes("unlabelled", as_operator, "--dry-run=server"), "by RBAC it may delete any Job"
    job_namespace.kubectl("apply", "-f", "-", input=policy)
    try:
        job_namespace.until(
            "the policy is enforced",
            lambda: not deletes("unlabelled", as_operator, "--dry-run=server"),
        )
        assert not edits("of-helm", label)
        assert edits("of-a-dpojob", label)
        assert not edits("of-a-dpojob", '{"spec": {"suspend": true}}')
        assert not deletes("of-helm", as_operator)
        assert deletes("of-a-dpojob", as_operator)
        assert deletes("unlabelled"), "other users are not restricted"
    finally:
        job_namespace.kubectl("delete", "-f", "-", input=policy, check=False)
