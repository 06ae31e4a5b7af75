"""The chart grants the operator every permission it needs, and none on Secrets."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.kit.operator_fixture import LIMIT, ROOT, JobNamespace, Process, foreign_job
from tests.operator.test_process import address

pytestmark = pytest.mark.cluster


def render(job_namespace: JobNamespace, release: str, *templates: str, **values: str) -> str:
    """Templates of the chart, for this test's namespace only."""
    scope = f"namespaces={{{job_namespace.namespace}}}"
    command = [
        str(job_namespace.cluster.bin("helm")), "template", release, str(ROOT / "charts/dpojob"),
        "--namespace", job_namespace.namespace, "--kube-version", "1.35.0", "--set", scope,
    ]  # fmt: skip
    for name, value in values.items():
        command += ["--set", f"{name}={value}"]
    for template in templates:
        command += ["--show-only", f"templates/{template}.yaml"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def granted(job_namespace: JobNamespace, tmp_path: Path) -> Any:
    """A kubeconfig of the chart's service account, bound in the test's namespace only."""
    account = (
        f"op-{job_namespace.namespace}"  # cluster-scoped names must not meet those of other tests
    )
    rendered = render(job_namespace, account, "rbac", "serviceaccount")
    job_namespace.kubectl("apply", "-f", "-", input=rendered)
    token = job_namespace.kubectl("create", "token", account).strip()
    config = json.loads(job_namespace.kubectl("config", "view", "--raw", "-o", "json"))
    config["users"] = [{"name": "operator", "user": {"token": token}}]
    context = config["contexts"][0]
    context["context"]["user"] = "operator"
    config["current-context"] = context["name"]
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    yield kubeconfig, f"system:serviceaccount:{job_namespace.namespace}:{account}"
    for kind in ("clusterrole", "clusterrolebinding"):
        job_namespace.kubectl("delete", kind, account, "--ignore-not-found", check=False)


def test_the_charts_permissions_suffice_for_a_whole_job(
    job_namespace: JobNamespace, granted: Any, tmp_path: Path
) -> None:
    kubeconfig, account = granted
    process = Process(
        str(kubeconfig), job_namespace.namespace, tmp_path / "log", PROGRESS_VIA="pod",
        LEADER_ELECTION="true", LEASE_NAMESPACE=job_namespace.namespace,
        LEASE_NAME=account.rpartition(":")[2],
    )  # fmt: skip
    process.start()
    try:
        job_namespace.job("base", ttlSecondsAfterFinished=1)
        job_namespace.job("next", model={"fromJob": {"kind": "Job", "name": "none"}})
        job_namespace.inspected("base")
        job_namespace.trained("base")
        job_namespace.until(
            "deleted after its time", lambda: job_namespace.get("dpojob", "base") is None
        )
        job_namespace.until_condition("next", "DatasetValid", "WaitingForJob")
        url = address(job_namespace, process) + "/metrics"
        with urllib.request.urlopen(url, timeout=LIMIT) as answer:
            lines = answer.read().decode().splitlines()
        refused = [line for line in lines if 'code="403"' in line and "_created" not in line]
        assert refused == []
        assert " 403" not in process.log.read_text()
    finally:
        process.stop(signal.SIGKILL)
        print(process.log.read_text()[-6000:])
    for verb in ("get", "list", "watch"):
        output = job_namespace.kubectl(
            "auth", "can-i", verb, "secrets", f"--as={account}", check=False
        )
        assert output.strip() == "no"


def test_the_admission_policy_limits_deletes_to_the_jobs_of_dpojobs(
    job_namespace: JobNamespace, granted: Any
) -> None:
    _, user = granted
    name = user.rpartition(":")[2]
    policy = render(job_namespace, name, "admission-policy", **{"admissionPolicy.enabled": "true"})
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

    as_operator = f"--as={user}"
    assert deletes("unlabelled", as_operator, "--dry-run=server"), "by RBAC it may delete any Job"
    job_namespace.kubectl("apply", "-f", "-", input=policy)
    try:
        job_namespace.until(
            "the policy is enforced",
            lambda: not deletes("unlabelled", as_operator, "--dry-run=server"),
        )
        assert not deletes("of-helm", as_operator)
        assert deletes("of-a-dpojob", as_operator)
        assert deletes("unlabelled"), "other users are not restricted"
    finally:
        job_namespace.kubectl("delete", "-f", "-", input=policy, check=False)
