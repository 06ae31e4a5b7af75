"""The pod that reads a claim: admitted by the restricted standard, beside the claim's user, deleted at the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.kit.cli.tenant_job import Tenant

from dpojob.cluster.api import Api
from dpojob.cluster.claims import ReaderImage, claim_reader, open_claim
from dpojob.cluster.claims.reader_pod import reader_pod
from dpojob.cluster.kubeconfig import load_access
from dpojob.cluster.resources import PODS
from dpojob.errors import CommandError

pytestmark = pytest.mark.cluster

IMAGE = ReaderImage("registry.example/reader:1")


def claim(name: str, mode: str) -> str:
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name},
            "spec": spec,
        }
    )


def holder(name: str, claim_name: str) -> str:
    """A pod that has the claim mounted on a node, as a training pod has."""
    pod = reader_pod(name, claim_name, IMAGE)
    pod["spec"] |= {
        "nodeName": "node-of-the-claim",
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    return json.dumps(pod)


@pytest.fixture
async def api(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    monkeypatch.setenv("KUBECONFIG", str(tenant.kubeconfig))
    monkeypatch.setattr(claim_reader, "POLL_SECONDS", 0.05)
    tenant.plane.kubectl(
        "label", "namespace", tenant.namespace, "pod-security.kubernetes.io/enforce=restricted",
        "--overwrite",
    )  # fmt: skip
    async with Api(load_access) as api:
        yield api
    tenant.admin("delete", "pods,pvc", "--all", "--force", "--grace-period=0", "--wait=false")


async def reader_pods(api: Api) -> list[dict[str, Any]]:
    """Those that are not being deleted."""
    found = await api.list_all(PODS, labelSelector="dpojob.dev/claim-reader")
    named = [pod for pod in found if pod["metadata"]["name"].startswith("dpojob-read-")]
    return [pod for pod in named if "deletionTimestamp" not in pod["metadata"]]


async def test_the_pod_is_admitted_and_deleted_also_where_the_reader_is_interrupted(
    tenant: Tenant, api: Api
) -> None:
    tenant.admin("create", "-f", "-", input=claim("wide", "ReadWriteMany"))

    async def read() -> None:
        async with open_claim(api, tenant.namespace, "wide", IMAGE):
            raise AssertionError("no node runs the pod")

    reading = asyncio.create_task(read())
    while not (pods := await reader_pods(api)):
        assert not reading.done(), reading.exception()
        await asyncio.sleep(0.05)
    (pod,) = pods
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["activeDeadlineSeconds"] == 3600
    assert "affinity" not in pod["spec"]
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await reader_pods(api) == []


async def test_a_claim_in_use_is_read_on_the_node_of_its_user_or_that_is_explained(
    tenant: Tenant, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_reader, "START_SECONDS", 0.2)
    tenant.admin("create", "-f", "-", input=claim("once", "ReadWriteOnce"))
    tenant.admin("create", "-f", "-", input=holder("trainer", "once"))
    created = []
    create = api.create

    async def remember(resource: Any, body: Any, namespace: str | None = None) -> Any:
        created.append(body)
        return await create(resource, body, namespace)

    monkeypatch.setattr(api, "create", remember)
    message = r"ReadWriteOnce and in use by pod trainer on node node-of-the-claim"
    with pytest.raises(CommandError, match=message):
        async with open_claim(api, tenant.namespace, "once", IMAGE):
            raise AssertionError("no node runs the pod")
    affinity = created[0]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert term["matchFields"][0]["values"] == ["node-of-the-claim"]
    assert any(each.get("key") == "gpu" for each in created[0]["spec"]["tolerations"])
    assert await reader_pods(api) == []


async def test_a_claim_of_one_pod_is_refused_while_that_pod_runs(tenant: Tenant, api: Api) -> None:
    tenant.admin("create", "-f", "-", input=claim("alone", "ReadWriteOncePod"))
    tenant.admin("create", "-f", "-", input=holder("owner", "alone"))
    with pytest.raises(CommandError, match="ReadWriteOncePod and in use by pod owner"):
        async with open_claim(api, tenant.namespace, "alone", IMAGE):
            pass
    with pytest.raises(CommandError, match='"none" not found'):
        async with open_claim(api, tenant.namespace, "none", IMAGE):
            pass
