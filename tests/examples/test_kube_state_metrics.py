"""The configuration of kube-state-metrics, held to the CRDs: each path leads to a field of its type.

kube-state-metrics itself is not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

import pytest
import yaml
from tests.kit.repository import ROOT

from dpojob_api import crd
from dpojob_api.constants import Phase

CONFIG = yaml.safe_load((ROOT / "examples/monitoring/kube-state-metrics.yaml").read_text())
CRDS = {
    "DPOJob": crd.dpojob_crd(),
    "GPUPool": crd.gpupool_crd(),
    "CostQuota": crd.costquota_crd(),
}
METADATA = {"name": "string", "namespace": "string", "creationTimestamp": "string"}
KINDS = {"Gauge": "gauge", "Info": "info", "StateSet": "stateSet"}


def field(kind: str, path: Sequence[str]) -> dict[str, Any]:
    """The schema of what a path leads to; where that is a list, the schema of its items."""
    schema = dict(CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    if path[0] == "metadata":
        assert len(path) == 2
        return {"type": METADATA[path[1]]}
    for name in path:
        schema = schema["properties"][name]
    return dict(schema["items"]) if schema.get("type") == "array" else schema


def metrics() -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in CONFIG["spec"]["resources"]:
        for metric in resource["metrics"]:
            yield resource["groupVersionKind"]["kind"], metric


@pytest.mark.parametrize(
    ("kind", "metric"),
    list(metrics()),
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_every_path_leads_to_a_field(kind: str, metric: dict[str, Any]) -> None:
    assert set(metric) == {"name", "help", "each"}
    each = metric["each"]
    body = each[KINDS[each["type"]]]
    assert set(each) == {"type", KINDS[each["type"]]}
    value = field(kind, body["path"]) if "path" in body else {}
    for path in body.get("labelsFromPath", {}).values():
        inner = value["properties"][path[0]] if "valueFrom" in body else field(kind, path)
        assert inner["type"] in ("string", "integer", "number", "boolean"), path
    if "valueFrom" in body:
        assert value["properties"][body["valueFrom"][0]]["enum"] == ["True", "False", "Unknown"]
    elif each["type"] == "Gauge":
        assert value["type"] in ("integer", "number", "boolean", "string")


def test_every_kind_has_its_metrics() -> None:
    assert {kind for kind, _ in metrics()} == set(CRDS)


def test_the_states_are_the_phases() -> None:
    (states,) = (m["each"]["stateSet"]["list"] for _, m in metrics() if "stateSet" in m["each"])
    assert set(states) == set(get_args(Phase))


def test_versions_and_labels_are_those_of_the_resources() -> None:
    for resource in CONFIG["spec"]["resources"]:
        of = resource["groupVersionKind"]
        spec = CRDS[of["kind"]]["spec"]
        assert (of["group"], of["version"]) == (spec["group"], spec["versions"][0]["name"])
        for path in resource["labelsFromPath"].values():
            assert field(of["kind"], path)["type"] == "string"
