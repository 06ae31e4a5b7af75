"""The Jobs that the operator creates for a job with every kind of input, and parts of them."""

from __future__ import annotations

from typing import Any

from tests.kit.builders import job
from tests.kit.operator_fixture import REPORT

from dpojob_api.job import Attempt, ChildJob
from dpojob_api.plan import Plan
from dpojob_api.pool import GPUPoolSpec
from dpojob_api.report import InspectionReport
from dpojob_operator import manifests
from dpojob_operator.decide.child_names import training_name
from dpojob_operator.process import WorkloadSettings

SETTINGS = WorkloadSettings(
    inspect_image="inspect:test",
    train_image="train:test",
    image_pull_secrets=("pull",),
    pod_env={"HF_ENDPOINT": "https://mirror.example"},
    ca_config_map="bundle",
)


EVERYTHING: dict[str, Any] = {
    "model": {"volume": {"claimName": "models", "path": "base"}},
    "dataset": {"volume": {"claimName": "data", "path": "*.jsonl"}},
    "output": {
        "volume": {"claimName": "models", "path": "tuned"},
        "s3": {"bucket": "b", "secret": {"name": "s3"}},
    },
    "hubTokenSecret": {"name": "hub"},
    "environmentSecret": {"name": "trackers"},
}


POOL = GPUPoolSpec.model_validate(
    {
        "gpu": {"model": "H100", "memoryGiB": 80, "perNode": 4},
        "nodeSelector": {"gpu": "h100"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    }
)


def plan(nodes: int = 1, gpus: int = 1) -> Plan:
    return Plan.model_validate(
        {
            "pool": "h100", "gpus": gpus, "nodes": nodes, "method": "full", "precision": "bf16",
            "perDeviceBatchSize": 1, "gradientAccumulation": 1,
            "memoryGiB": {"needed": 1, "available": 80}, "estimate": {"hours": 1, "cost": "1"},
        }
    )  # fmt: skip


def training(
    nodes: int = 1, gpus: int = 1, pool: GPUPoolSpec = POOL, **spec: Any
) -> dict[str, Any]:
    owner = job(**{**EVERYTHING, **spec})
    attempt = Attempt(number=1, job=ChildJob(name=training_name(owner.name, owner.uid, 1)))
    report = InspectionReport.model_validate(REPORT)
    return manifests.training_job(
        owner, owner.spec, attempt, plan(nodes, gpus), report, pool, SETTINGS
    )


def inspection(**spec: Any) -> dict[str, Any]:
    owner = job(**{**EVERYTHING, **spec})
    return manifests.inspection_job(owner, owner.spec, "inspect-it", "key", SETTINGS)


def pod(manifest: dict[str, Any]) -> dict[str, Any]:
    return dict(manifest["spec"]["template"]["spec"])


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    return dict(manifest["spec"]["template"]["spec"]["containers"][0])


def environment(manifest: dict[str, Any]) -> dict[str, Any]:
    return {
        entry["name"]: entry.get("value", entry.get("valueFrom"))
        for entry in container(manifest)["env"]
    }
