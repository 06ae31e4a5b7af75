"""The admission policies of examples/policies, on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.kit.crds import apply_crds
from tests.kit.operator_fixture import dpojob
from tests.kit.repository import ROOT
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.cluster
FOLDER = ROOT / "examples/policies"
ANNOTATIONS = {
    "tuning.example.com/pools": "t4,a10g",
    "tuning.example.com/max-cost": "20.00",
    "tuning.example.com/repositories": "Qwen/,my-org/",
}
ALLOWED: dict[str, Any] = {
    "model": {"repo": "Qwen/Qwen2.5-0.5B-Instruct"},
    "dataset": {"repo": "my-org/pairs"},
    "hardware": {"pool": "t4"},
    "budget": {"maxCost": "20"},
}


class Tenant:
    """A namespace that the policies are for."""

    def __init__(self, cluster: Any, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace

    def label(self, value: str) -> None:
        labels = {"tuning.example.com/tenant": value}
        metadata = {"name": self.namespace, "labels": labels, "annotations": ANNOTATIONS}
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        self.cluster.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(manifest)
        )

    def refusal(self, spec: dict[str, Any], *options: str) -> str:
        """What the API server says against a job; empty where it admits it."""
        manifest = json.dumps(dpojob("x", **spec))
        command = ("-n", self.namespace, "apply", "-f", "-", *options)
        done = self.cluster.kubectl(*command, input=manifest, check=False)
        return str(done.stderr) if done.returncode else ""


@pytest.fixture
def tenant(control_plane: Any, namespace: str) -> Iterator[Tenant]:
    apply_crds(control_plane, ROOT / "crds")
    made = Tenant(control_plane, namespace)
    made.label("true")
    control_plane.kubectl("apply", "-f", str(FOLDER))

    def enforced() -> bool:
        wrong = {**ALLOWED, "dataset": {"urls": ["https://example.com/a.jsonl"]}}
        others = [
            {**ALLOWED, "hardware": {"pool": "none"}}, {**ALLOWED, "budget": {"maxCost": "99"}}, wrong
        ]  # fmt: skip
        return all("denied request: " in made.refusal(spec, "--dry-run=server") for spec in others)

    wait_until(enforced, "all policies are enforced")
    yield made
    control_plane.kubectl("delete", "-f", str(FOLDER), check=False)


REFUSED = [
    ({"hardware": {"pool": "h100"}}, "hardware.pool must be one of this namespace's pools: t4, a10g"),
    ({"hardware": None}, "hardware.pool must be one of this namespace's pools: t4, a10g"),
    ({"budget": {"maxCost": "20.01"}}, "budget.maxCost must be set, and at most 20.00"),
    ({"budget": {"maxDuration": "1h"}}, "budget.maxCost must be set, and at most 20.00"),
    ({"budget": None}, "budget.maxCost must be set, and at most 20.00"),
    ({"model": {"repo": "other/model"}}, "begin with Qwen/ or my-org/; not so: other/model"),
    ({"dataset": {"repo": "other/pairs"}}, "begin with Qwen/ or my-org/; not so: other/pairs"),
    ({"dataset": {"urls": ["https://example.com/a.jsonl"]}}, "dataset.urls is not allowed"),
    (
        {"evaluation": {"judge": {"rewardModel": {"repo": "other/judge"}}}},
        "not so: other/judge",
    ),
]  # fmt: skip


def test_the_policies_hold_for_tenants_and_for_nobody_else(tenant: Tenant) -> None:
    for edit, message in REFUSED:
        spec = {name: value for name, value in {**ALLOWED, **edit}.items() if value is not None}
        refusal = tenant.refusal(spec, "--dry-run=server")
        assert message in refusal, (edit, refusal)
    claim = {"volume": {"claimName": "data", "path": "train.jsonl"}}
    sources = {"model": {"fromJob": {"name": "before"}}, "dataset": claim}
    assert tenant.refusal({**ALLOWED, **sources}, "--dry-run=server") == ""
    assert tenant.refusal(ALLOWED) == ""
    # What was admitted before the limits were lowered can still be suspended.
    tenant.cluster.kubectl(
        "annotate", "--overwrite", "namespace", tenant.namespace,
        "tuning.example.com/max-cost=1", "tuning.example.com/pools=a10g",
    )  # fmt: skip
    above = {**ALLOWED, "budget": {"maxCost": "19"}}
    # Admission reads the namespace from a cache, which the annotation reaches a moment later.
    wait_until(
        lambda: "at most 1" in tenant.refusal(above, "--dry-run=server"), "the lower limit holds"
    )
    assert tenant.refusal({**ALLOWED, "suspend": True}) == ""
    tenant.label("false")
    wait_until(
        lambda: tenant.refusal({**ALLOWED, "budget": {"maxCost": "99"}}, "--dry-run=server") == "",
        "the namespace is no tenant's any more",
    )


def test_every_policy_has_a_case() -> None:
    policies = {
        document["metadata"]["name"]
        for path in FOLDER.glob("*.yaml")
        for document in yaml.safe_load_all(path.read_text())
        if document["kind"] == "ValidatingAdmissionPolicy"
    }
    assert policies == {"dpojob-allowed-pools", "dpojob-budget-cap", "dpojob-allowed-repositories"}
