"""`model.fromJob`: jobs that tune the output of another job."""

from __future__ import annotations

import json

import pytest
from tests.kit.cluster.pod_container import input_documents
from tests.kit.crds import apply_crds
from tests.kit.operator_fixture import LIMIT, JobNamespace, Process, foreign_job

pytestmark = pytest.mark.cluster


def test_a_chain_in_any_order(job_namespace: JobNamespace, operator: Process) -> None:
    job_namespace.job("second", model={"fromJob": {"name": "base"}})
    assert "does not exist yet" in job_namespace.until_condition(
        "second", "DatasetValid", "WaitingForJob"
    )
    assert job_namespace.status("second")["phase"] == "Waiting"
    job_namespace.job("base")
    job_namespace.inspected("base")
    job_namespace.trained("base")
    job_namespace.until_condition("base", "Complete", "Completed")
    pod = job_namespace.pod("second", "inspect")
    model = input_documents(pod)["manifest.json"]["spec"]["model"]
    assert model == {"volume": {"claimName": "base-output", "path": ""}}


def test_a_cycle_is_reported(job_namespace: JobNamespace, operator: Process) -> None:
    job_namespace.job("a", model={"fromJob": {"name": "b"}})
    job_namespace.job("b", model={"fromJob": {"name": "a"}})
    assert "a -> b -> a" in job_namespace.until_condition("a", "Failed", "DependencyCycle")
    job_namespace.until_condition("b", "Failed", "DependencyCycle")


def test_a_failed_dependency_fails_its_dependents(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("base", hardware={"pool": "no-such-pool"})
    job_namespace.job("second", model={"fromJob": {"name": "base"}})
    job_namespace.inspected("base")
    assert "PoolNotFound" in job_namespace.until_condition("second", "Failed", "DependencyFailed")


def test_a_batch_job_names_its_output_by_annotation(
    job_namespace: JobNamespace, operator: Process
) -> None:
    sft = foreign_job("sft")
    sft["metadata"]["annotations"] = {
        "dpojob.dev/output": "hub:me/sft@0123", "dpojob.dev/output-max-length": "2048",
    }  # fmt: skip
    job_namespace.apply(sft)
    job_namespace.job("tuned", model={"fromJob": {"kind": "Job", "name": "sft"}})
    job_namespace.until_condition("tuned", "DatasetValid", "WaitingForJob")
    pods = job_namespace.until(
        "the SFT pod runs",
        lambda: json.loads(
            job_namespace.kubectl(
                "get", "pods", "-l", "batch.kubernetes.io/job-name=sft",
                "--field-selector=status.phase=Running", "-o", "json",
            )
        )["items"],
    )  # fmt: skip
    job_namespace.end_pod(pods[0], 0)
    job_namespace.kubectl("wait", "--for=condition=Complete", "job/sft", f"--timeout={LIMIT}s")
    job_namespace.kubectl("annotate", "dpojob", "tuned", "nudge=1")
    pod = job_namespace.pod("tuned", "inspect")
    spec = input_documents(pod)["manifest.json"]["spec"]
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


def test_a_trainjob_is_waited_for_before_its_kind_exists(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("tuned", model={"fromJob": {"kind": "TrainJob", "name": "sft"}})
    assert "does not exist yet" in job_namespace.until_condition(
        "tuned", "DatasetValid", "WaitingForJob"
    )
    apply_crds(job_namespace.cluster, json.dumps(TRAINJOBS))
    sft = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "sft", "annotations": {"dpojob.dev/output": "models/sft"}},
    }
    job_namespace.apply(sft)
    job_namespace.kubectl("annotate", "dpojob", "tuned", "nudge=1")
    job_namespace.until(
        "it is found",
        lambda: "has not finished" in job_namespace.condition("tuned", "DatasetValid")[2],
    )
    complete = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    job_namespace.kubectl(
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
    job_namespace.apply(claim)
    job_namespace.kubectl("annotate", "dpojob", "tuned", "nudge=2", "--overwrite")
    dependency = job_namespace.until(
        "it is taken", lambda: job_namespace.status("tuned").get("dependency")
    )
    assert dependency["volume"] == {"claimName": "models", "path": "sft"}


def test_an_invalid_output_annotation_fails_the_job_with_the_correction(
    job_namespace: JobNamespace, operator: Process
) -> None:
    sft = foreign_job("sft")
    sft["metadata"]["annotations"] = {"dpojob.dev/output": "My Models/sft"}
    sft["spec"]["completions"] = 0
    job_namespace.apply(sft)
    job_namespace.kubectl("wait", "--for=condition=Complete", "job/sft", f"--timeout={LIMIT}s")
    job_namespace.job("tuned", model={"fromJob": {"kind": "Job", "name": "sft"}})
    message = job_namespace.until_condition("tuned", "Failed", "DependencyHasNoOutput")
    assert "My Models/sft" in message and "hub:repo@revision" in message
