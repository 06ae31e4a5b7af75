"""The training pod runs where and as its GPUPool specifies."""

from __future__ import annotations

from tests.kit.cluster.manifests import POOL, training

from dpojob_api.pool import GPUPoolSpec
from dpojob_operator.decide.object_snapshots import ANNOTATION_POOL
from dpojob_operator.manifests import pool_hash


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
