"""The GPUPool, flavors and queues of examples/kueue: by Kueue's own schemas, and as Kueue assigns flavors."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tests.kit.cluster import fake_kueue
from tests.kit.cluster.manifests import plan
from tests.kit.crds import apply_crds
from tests.kit.operator_fixture import REPORT
from tests.kit.repository import ROOT

from dpojob_api.job import Attempt, ChildJob, DPOJob
from dpojob_api.pool import GPUPoolSpec
from dpojob_api.report import InspectionReport
from dpojob_operator import manifests
from dpojob_operator.process import WorkloadSettings

FOLDER = ROOT / "examples/kueue"
KUEUE_CRDS = ROOT / "tests/kit/cluster/kueue_crds.yaml"
SETTINGS = WorkloadSettings(inspect_image="inspect:test", train_image="train:test")
"""Resources as the chart has them by default."""
OBJECTS = [
    document
    for file in sorted(FOLDER.glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]


def specs(kind: str) -> dict[str, Any]:
    return {o["metadata"]["name"]: o.get("spec", {}) for o in OBJECTS if o["kind"] == kind}


@pytest.fixture
def owner() -> DPOJob:
    (raw,) = [o for o in OBJECTS if o["kind"] == "DPOJob"]
    metadata = {**raw["metadata"], "namespace": "ns", "uid": "11111111-2222-3333-4444-555555555555"}
    return DPOJob.model_validate({**raw, "metadata": metadata})


def training(owner: DPOJob, pool: GPUPoolSpec) -> dict[str, Any]:
    sizes = {"host_memory_gib": 24, "scratch_gib": 60}
    attempt = Attempt(number=1, job=ChildJob(name="train"))
    report = InspectionReport.model_validate(REPORT)
    chosen = plan().model_copy(update=sizes)
    return manifests.training_job(owner, owner.spec, attempt, chosen, report, pool, SETTINGS)


def test_a_training_is_admitted_in_the_flavor_of_its_pool_and_an_inspection_beside_it(
    owner: DPOJob,
) -> None:
    flavors, (queue,) = specs("ResourceFlavor"), specs("ClusterQueue").values()
    ((name, spec),) = specs("GPUPool").items()
    job = training(owner, GPUPoolSpec.model_validate(spec))
    assert fake_kueue.assigned_flavor(job, flavors, queue) == name
    inspection = manifests.inspection_job(owner, owner.spec, "inspect", None, SETTINGS)
    assert fake_kueue.assigned_flavor(inspection, flavors, queue) == "cpu"
    for made in (job, inspection):
        assert made["metadata"]["labels"][fake_kueue.QUEUE_LABEL] in specs("LocalQueue")
        assert made["metadata"]["labels"][fake_kueue.PRIORITY_LABEL] in specs(
            "WorkloadPriorityClass"
        )


@pytest.mark.parametrize(
    "edit",
    [
        {"nodeSelector": {"node.kubernetes.io/instance-type": "g5.xlarge"}},
        {"tolerations": []},
        {"gpu": {"resource": "nvidia.com/mig-1g.10gb", "model": "A100", "memoryGiB": 10}},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_a_pool_that_differs_from_its_flavor_is_never_admitted(
    owner: DPOJob, edit: dict[str, Any]
) -> None:
    flavors, (queue,) = specs("ResourceFlavor"), specs("ClusterQueue").values()
    (spec,) = specs("GPUPool").values()
    job = training(owner, GPUPoolSpec.model_validate({**spec, **edit}))
    assert fake_kueue.assigned_flavor(job, flavors, queue) is None


@pytest.mark.cluster
def test_the_api_server_takes_them_by_the_schemas_of_kueue(
    control_plane: Any, namespace: str
) -> None:
    apply_crds(control_plane, ROOT / "crds")
    apply_crds(control_plane, KUEUE_CRDS)
    in_namespace = ("-n", namespace, "apply", "--dry-run=server", "--validate=strict")
    done = control_plane.kubectl(*in_namespace, "-f", str(FOLDER), check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("created (server dry run)") == len(OBJECTS)
