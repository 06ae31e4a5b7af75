"""What a queueing system reads of a DPOJob reaches both of its Jobs, and nothing else of its metadata does."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import job
from tests.kit.cluster.manifests import EVERYTHING, POOL, SETTINGS, plan
from tests.kit.operator_fixture import REPORT

from dpojob_api.job import Attempt, ChildJob, DPOJob
from dpojob_api.pool import GPUPoolSpec
from dpojob_api.report import InspectionReport
from dpojob_operator import manifests

LABELS = {
    "kueue.x-k8s.io/queue-name": "team",
    "kueue.x-k8s.io/priority-class": "high",
}
TOPOLOGY = {"kueue.x-k8s.io/podset-required-topology": "cloud.provider.com/rack"}
PROVISIONING = {"provreq.kueue.x-k8s.io/maxRunDurationSeconds": "3600"}
OF_THE_COPY = {
    "kueue.x-k8s.io/prebuilt-workload-name": "dpojob-x",
    "kueue.x-k8s.io/multikueue-origin": "manager",
}
"""What MultiKueue writes on a DPOJob's copy in a worker cluster: as labels, or as annotations."""
OTHERS = {"app": "x", "sidecar.istio.io/inject": "true"}


def queued() -> DPOJob:
    made = job(**EVERYTHING)
    made.metadata |= {
        "labels": {**LABELS, **OF_THE_COPY, **OTHERS},
        "annotations": {**TOPOLOGY, **PROVISIONING, **OF_THE_COPY, **OTHERS},
    }
    return made


def training(pool: GPUPoolSpec = POOL) -> dict[str, Any]:
    owner = queued()
    attempt = Attempt(number=1, job=ChildJob(name="train"))
    report = InspectionReport.model_validate(REPORT)
    return manifests.training_job(owner, owner.spec, attempt, plan(), report, pool, SETTINGS)


def inspection() -> dict[str, Any]:
    owner = queued()
    return manifests.inspection_job(owner, owner.spec, "inspect", "key", SETTINGS)


@pytest.mark.parametrize("made", [training(), inspection()], ids=["training", "inspection"])
def test_both_jobs_queue_as_the_dpojob_says(made: dict[str, Any]) -> None:
    metadata = made["metadata"]
    assert LABELS.items() <= metadata["labels"].items()
    assert {**TOPOLOGY, **PROVISIONING}.items() <= metadata["annotations"].items()
    kept_back = OTHERS.keys() | OF_THE_COPY.keys()
    assert not kept_back & (metadata["labels"].keys() | metadata["annotations"].keys())


def test_topology_and_provisioning_reach_the_training_pods_and_the_queue_does_not() -> None:
    """A pod that names a queue would be queued itself, beside its Job."""
    template = training()["spec"]["template"]["metadata"]
    assert {**TOPOLOGY, **PROVISIONING}.items() <= template["annotations"].items()
    assert not LABELS.keys() & template["labels"].keys()


def test_the_platform_has_precedence_on_the_pods_of_its_pool() -> None:
    name = next(iter(TOPOLOGY))
    pool = GPUPoolSpec.model_validate({**POOL.wire(), "pod": {"annotations": {name: "block"}}})
    template = training(pool)["spec"]["template"]["metadata"]
    assert template["annotations"][name] == "block"


@pytest.mark.parametrize(
    "edit",
    [
        {"hourlyPrice": "9.00"},
        {"modelSize": {"min": "1B"}},
        {"byNameOnly": True},
        {"namespaceSelector": {"matchLabels": {"team": "a"}}},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edit_of_who_chooses_a_pool_and_at_what_price_withdraws_no_job(
    edit: dict[str, Any],
) -> None:
    edited = GPUPoolSpec.model_validate({**POOL.wire(), **edit})
    assert manifests.pool_hash(edited) == manifests.pool_hash(POOL)


@pytest.mark.parametrize(
    "edit",
    [
        {"gpu": {"model": "H100", "memoryGiB": 94, "perNode": 4}},
        {"method": "lora"},
        {"nodeSelector": {"gpu": "h200"}},
        {"tolerations": []},
        {"pod": {"schedulerName": "gang"}},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edit_of_what_its_jobs_are_made_from_does(edit: dict[str, Any]) -> None:
    edited = GPUPoolSpec.model_validate({**POOL.wire(), **edit})
    assert manifests.pool_hash(edited) != manifests.pool_hash(POOL)
