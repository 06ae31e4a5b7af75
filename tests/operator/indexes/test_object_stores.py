"""What the stores keep of each kind, and what they give back."""

from __future__ import annotations

from typing import Any

import pytest

from dpojob_api.constants import LABEL_JOB_NAME, LABEL_MANAGED_BY, MANAGED_BY
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.indexes import ObjectStores

KEY = ("ns", "x")


def pod(version: int, phase: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "ns",
            "name": "p",
            "uid": "u",
            "resourceVersion": str(version),
            "labels": {LABEL_MANAGED_BY: MANAGED_BY, LABEL_JOB_NAME: "x"},
        },
        "spec": {"nodeName": "n", "containers": [{"resources": {"limits": {"gpu": "1"}}}]},
        "status": {"phase": phase, **status},
    }


@pytest.mark.parametrize("phase", ["Pending", "Running", "Succeeded", "Failed"])
def test_a_pod_is_read_as_it_was_whether_it_has_ended_or_not(phase: str) -> None:
    terminated = {"exitCode": 3, "message": "text " * 200, "finishedAt": "2026-11-23T12:00:00Z"}
    raw = pod(1, phase, containerStatuses=[{"name": "train", "state": {"terminated": terminated}}])
    stores = ObjectStores()
    assert stores.pods.apply(raw)
    (kept,) = stores.pods_of(KEY)
    assert PodSnapshot.read(kept) == PodSnapshot.read(raw)
    assert kept["spec"]["containers"] == raw["spec"]["containers"]


def test_pods_that_have_ended_are_not_active_and_change_once() -> None:
    stores = ObjectStores()
    stores.pods.apply(pod(1, "Running"))
    assert len(stores.active_pods()) == 1
    assert stores.pods.apply(pod(2, "Failed"))
    assert not stores.pods.apply(pod(3, "Failed"))
    assert stores.pods.apply(pod(4, "Failed", reason="Evicted"))
    assert stores.active_pods() == [] and len(stores.pods_of(KEY)) == 1
