"""`model.fromJob`: jobs that tune the output of another job."""

from __future__ import annotations

import json

import pytest
from tests.kit.operator_fixture import Process, World, stranger

pytestmark = pytest.mark.cluster


def test_a_chain_in_any_order(world: World, operator: Process) -> None:
    world.job("second", model={"fromJob": {"name": "base"}})
    assert "does not exist yet" in world.until_condition("second", "DatasetValid", "WaitingForJob")
    assert world.status("second")["phase"] == "Waiting"
    world.job("base")
    world.inspected("base")
    world.trained("base")
    world.until_condition("base", "Complete", "Completed")
    pod = world.pod("second", "inspect")
    environment = {e["name"]: e.get("value") for e in pod["spec"]["containers"][0]["env"]}
    model = json.loads(environment["DPOJOB_MANIFEST"] or "")["spec"]["model"]
    assert model == {"volume": {"claimName": "base-output", "path": ""}}


def test_a_cycle_is_reported(world: World, operator: Process) -> None:
    world.job("a", model={"fromJob": {"name": "b"}})
    world.job("b", model={"fromJob": {"name": "a"}})
    assert "a -> b -> a" in world.until_condition("a", "Failed", "DependencyCycle")
    world.until_condition("b", "Failed", "DependencyCycle")


def test_a_failed_dependency_fails_its_dependents(world: World, operator: Process) -> None:
    world.job("base", hardware={"pool": "no-such-pool"})
    world.job("second", model={"fromJob": {"name": "base"}})
    world.inspected("base")
    assert "PoolNotFound" in world.until_condition("second", "Failed", "DependencyFailed")


def test_a_batch_job_names_its_output_by_annotation(world: World, operator: Process) -> None:
    sft = stranger("sft")
    sft["metadata"]["annotations"] = {
        "dpojob.dev/output": "hub:me/sft@0123", "dpojob.dev/output-max-length": "2048",
    }  # fmt: skip
    world.apply(sft)
    world.job("tuned", model={"fromJob": {"kind": "Job", "name": "sft"}})
    world.until_condition("tuned", "DatasetValid", "WaitingForJob")
    pods = world.until(
        "the SFT pod runs",
        lambda: json.loads(
            world.kubectl(
                "get", "pods", "-l", "batch.kubernetes.io/job-name=sft",
                "--field-selector=status.phase=Running", "-o", "json",
            )
        )["items"],
    )  # fmt: skip
    world.end_pod(pods[0], 0)
    world.kubectl("wait", "--for=condition=Complete", "job/sft", "--timeout=60s")
    world.kubectl("annotate", "dpojob", "tuned", "nudge=1")
    pod = world.pod("tuned", "inspect")
    environment = {e["name"]: e.get("value") for e in pod["spec"]["containers"][0]["env"]}
    spec = json.loads(environment["DPOJOB_MANIFEST"] or "")["spec"]
    assert spec["model"] == {"repo": "me/sft", "revision": "0123"}
    assert spec["training"]["maxLength"] == 2048


CRD = "trainjobs.trainer.kubeflow.org"
TRAINJOBS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": CRD, "annotations": {
        "api-approved.kubernetes.io": "unapproved, for a test"
    }},
    "spec": {
        "group": "trainer.kubeflow.org",
        "names": {"kind": "TrainJob", "plural": "trainjobs"},
        "scope": "Namespaced",
        "versions": [{
            "name": "v1alpha1", "served": True, "storage": True, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": True
            }},
        }],
    },
}  # fmt: skip


def test_a_trainjob_is_waited_for_before_its_kind_exists(world: World, operator: Process) -> None:
    world.job("tuned", model={"fromJob": {"kind": "TrainJob", "name": "sft"}})
    assert "does not exist yet" in world.until_condition("tuned", "DatasetValid", "WaitingForJob")
    world.apply(TRAINJOBS)
    world.kubectl(
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        f"crd/{CRD}",
    )
    sft = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "sft", "annotations": {"dpojob.dev/output": "models/sft"}},
    }
    world.apply(sft)
    world.kubectl("annotate", "dpojob", "tuned", "nudge=1")
    world.until(
        "it is found",
        lambda: "has not finished" in world.condition("tuned", "DatasetValid")[2],
    )
    complete = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    world.kubectl(
        "patch",
        "trainjob",
        "sft",
        "--subresource=status",
        "--type=merge",
        "-p",
        json.dumps(complete),
    )
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "models"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }  # fmt: skip
    world.apply(claim)
    world.kubectl("annotate", "dpojob", "tuned", "nudge=2", "--overwrite")
    dependency = world.until("it is taken", lambda: world.status("tuned").get("dependency"))
    assert dependency["volume"] == {"claimName": "models", "path": "sft"}


def test_an_invalid_output_annotation_fails_the_job_with_the_correction(
    world: World, operator: Process
) -> None:
    sft = stranger("sft")
    sft["metadata"]["annotations"] = {"dpojob.dev/output": "My Models/sft"}
    sft["spec"]["completions"] = 0
    world.apply(sft)
    world.kubectl("wait", "--for=condition=Complete", "job/sft", "--timeout=60s")
    world.job("tuned", model={"fromJob": {"kind": "Job", "name": "sft"}})
    message = world.until_condition("tuned", "Failed", "DependencyHasNoOutput")
    assert "My Models/sft" in message and "hub:repo@revision" in message
