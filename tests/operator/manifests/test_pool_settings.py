"""The training pod runs where and as its GPUPool specifies."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.cluster.manifests import POOL, SETTINGS, environment, plan, training

from dpojob_api.pool import GPUPoolSpec
from dpojob_operator.decide.object_snapshots import ANNOTATION_POOL
from dpojob_operator.manifests import pool_hash
from dpojob_operator.manifests.resources import training_resources


def test_the_pool_places_the_pod() -> None:
    pod = training(gpus=4)["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"gpu": "h100"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "4"
    assert any(m["mountPath"] == "/dev/shm" for m in pod["containers"][0]["volumeMounts"])


def test_the_platform_decides_about_the_pods_of_its_pool() -> None:
    settings = {
        "runtimeClassName": "nvidia",
        "priorityClassName": "batch",
        "serviceAccountName": "trainer",
        "schedulerName": "gang",
        "labels": {"team": "ml", "dpojob.dev/uid": "another"},
        "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
        "tolerations": [{"key": "night", "operator": "Exists"}],
    }
    pool = GPUPoolSpec.model_validate({**POOL.wire(), "pod": settings})
    made = training(pool=pool)
    template, plain = made["spec"]["template"], training()["spec"]["template"]
    names = ("runtimeClassName", "priorityClassName", "serviceAccountName", "schedulerName")
    assert {name: template["spec"][name] for name in names} == {n: settings[n] for n in names}
    assert not set(names) & set(plain["spec"])
    assert template["spec"]["tolerations"] == [
        {"key": "gpu", "operator": "Exists"},
        {"key": "night", "operator": "Exists"},
    ]
    assert template["metadata"]["labels"] == {"team": "ml", **plain["metadata"]["labels"]}
    annotations = template["metadata"]["annotations"]
    assert annotations == {**plain["metadata"]["annotations"], **settings["annotations"]}
    assert template["spec"]["automountServiceAccountToken"] is False
    assert pool_hash(POOL) != pool_hash(pool) == made["metadata"]["annotations"][ANNOTATION_POOL]


def test_the_volumes_of_the_pool_are_beside_ours() -> None:
    settings = {
        "volumes": [
            {"name": "scratch", "emptyDir": {"sizeLimit": "16Gi"}},
            {"name": "fabric", "configMap": {"name": "nccl-topology"}},
        ],
        "volumeMounts": [{"name": "fabric", "mountPath": "/etc/nccl", "readOnly": True}],
    }
    pool = GPUPoolSpec.model_validate({**POOL.wire(), "pod": settings})
    plain, made = training(), training(pool=pool)
    pod, ours = (each["spec"]["template"]["spec"] for each in (made, plain))
    added = [volume for volume in pod["volumes"] if volume not in ours["volumes"]]
    assert added == [
        {"name": "pool-scratch", "emptyDir": {"medium": "", "sizeLimit": "16Gi"}},
        {"name": "pool-fabric", "configMap": {"name": "nccl-topology", "optional": False}},
    ]
    mounts = pod["containers"][0]["volumeMounts"]
    assert mounts[: len(mounts) - 1] == ours["containers"][0]["volumeMounts"]
    assert mounts[-1] == {"name": "pool-fabric", "mountPath": "/etc/nccl", "readOnly": True}
    assert pool_hash(pool) != pool_hash(POOL)


@pytest.mark.parametrize(
    ("of_pool", "requests", "limits"),
    [
        (None, {"cpu": "2", "memory": "8Gi"}, {"memory": "12Gi"}),
        ({"requests": {"cpu": "12"}}, {"cpu": "12", "memory": "8Gi"}, {"memory": "12Gi"}),
        ({"requests": {"memory": "64Gi"}}, {"cpu": "2", "memory": "64Gi"}, {}),
        (
            {"limits": {"rdma/hca": "1"}},
            {"cpu": "2", "memory": "8Gi", "rdma/hca": "1"},
            {"memory": "12Gi", "rdma/hca": "1"},
        ),
        ({"limits": {"memory": "4Gi"}}, {"cpu": "2", "memory": "4Gi"}, {"memory": "4Gi"}),
    ],
    ids=["none", "request", "no-limit-of-the-installation", "extended", "limit-alone"],
)
def test_resources_of_the_pool_replace_those_of_the_installation(
    of_pool: Any, requests: dict[str, str], limits: dict[str, str]
) -> None:
    installed = {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "12Gi"}}
    settings = SETTINGS.model_copy(update={"train_resources": installed})
    pod = {} if of_pool is None else {"pod": {"resources": of_pool}}
    pool = GPUPoolSpec.model_validate({**POOL.wire(), **pod})
    gpu = {"nvidia.com/gpu": "2"}
    made = training_resources(settings, plan(), pool, 2)
    assert made == {"requests": {**requests, **gpu}, "limits": {**limits, **gpu}}


def test_what_the_plan_needs_is_more_than_the_pools_memory() -> None:
    of_pool = {"requests": {"memory": "4Gi"}, "limits": {"memory": "6Gi"}}
    pool = GPUPoolSpec.model_validate({**POOL.wire(), "pod": {"resources": of_pool}})
    needs = plan().model_copy(update={"host_memory_gib": 30})
    made = training_resources(SETTINGS, needs, pool, 1)
    assert made["requests"]["memory"] == made["limits"]["memory"] == "30Gi"


def test_an_upload_to_s3_without_a_secret_is_made_as_the_identity_of_the_pod() -> None:
    """The webhook of the cloud adds variables and a token of its own, for the ServiceAccount of the pool."""
    made = training(output={"s3": {"bucket": "b"}, "volume": {"claimName": "models"}})
    assert not [name for name in environment(made) if name.startswith("AWS_")]
    assert "AWS_ACCESS_KEY_ID" in environment(training())
