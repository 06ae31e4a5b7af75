"""Objects that a tenant may store under an older CRD, beside an ordinary job of another namespace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cluster.chart_rights import Account
from tests.kit.operator_fixture import ROOT, JobNamespace, Process, dpojob
from tests.operator.test_process import address, ask

pytestmark = pytest.mark.cluster
CRD = "crd/dpojobs.dpojob.dev"
DEEP = '{"a":' * 3000 + "1" + "}" * 3000


@pytest.fixture
def tenant(job_namespace: JobNamespace) -> Iterator[str]:
    """A namespace beside the ordinary job's, and a CRD that does not describe the arguments."""
    name = f"{job_namespace.namespace}-tenant"
    job_namespace.kubectl("create", "namespace", name)
    crd = json.loads(job_namespace.kubectl("get", CRD, "-o", "json"))
    crd["metadata"] = {"name": crd["metadata"]["name"]}
    (version,) = crd["spec"]["versions"]
    training = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["training"]
    training["properties"]["arguments"] = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    job_namespace.kubectl("replace", "-f", "-", input=json.dumps(crd))
    yield name
    job_namespace.kubectl("replace", "-f", str(ROOT / "crds/dpojobs.yaml"))
    job_namespace.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def both(
    job_namespace: JobNamespace, account: Account, tenant: str, tmp_path: Path, fork_server: Any
) -> Iterator[Process]:
    """An operator of both namespaces, not started."""
    process = Process(
        str(account.kubeconfig),
        f"{job_namespace.namespace},{tenant}",
        tmp_path / "operator.log",
        fork_server,
        RESYNC_SECONDS="5",
    )
    yield process
    if process.process is not None and process.process.poll() is None:
        process.stop()
    print(process.log.read_text()[-8000:])


def job(name: str, arguments: Any) -> dict[str, Any]:
    spec = {"suspend": True, "training": {"arguments": {"a": arguments}}}
    return dpojob(name, **spec)


def store_deep(job_namespace: JobNamespace, tenant: str) -> None:
    """Creates a job with arguments 3000 levels deep, once the API server serves the CRD that admits it."""
    text = json.dumps(job("deep", "DEEP")).replace('"DEEP"', DEEP)
    create = ("-n", tenant, "create", "-f", "-")
    job_namespace.until(
        "the deep job is stored",
        lambda: "deep" in job_namespace.kubectl(*create, input=text, check=False),
    )


def reason(job_namespace: JobNamespace, tenant: str, name: str) -> str:
    path = 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}'
    return job_namespace.kubectl("-n", tenant, "get", "dpojob", name, "-o", path)


def complete_an_ordinary_job(job_namespace: JobNamespace, operator: Process) -> None:
    job_namespace.job("ordinary")
    job_namespace.inspected("ordinary")
    job_namespace.trained("ordinary")
    job_namespace.until_condition("ordinary", "Complete", "Completed")
    assert operator.process is not None and operator.process.poll() is None
    base = address(job_namespace, operator)
    assert [ask(base + path)[0] for path in ("/healthz", "/metrics")] == [200, 200]


@pytest.mark.parametrize("stored_first", [True, False], ids=["listed", "watched"])
def test_a_deep_job_is_invalid_by_itself_and_another_namespaces_job_completes(
    job_namespace: JobNamespace, tenant: str, both: Process, stored_first: bool
) -> None:
    if stored_first:
        store_deep(job_namespace, tenant)
    both.start()
    if not stored_first:
        job_namespace.job("before")
        job_namespace.pod("before", "inspect")  # the watches run
        store_deep(job_namespace, tenant)
    complete_an_ordinary_job(job_namespace, both)
    job_namespace.until(
        "the deep job is reported", lambda: reason(job_namespace, tenant, "deep") == "InvalidSpec"
    )
    assert "RecursionError" not in both.log.read_text()
