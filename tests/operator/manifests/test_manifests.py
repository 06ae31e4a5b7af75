"""The objects the operator creates; a real API server validates them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.kit.builders import job
from tests.kit.cluster.manifests import (
    EVERYTHING,
    POOL,
    SETTINGS,
    container,
    environment,
    inspection,
    plan,
    pod,
    training,
)
from tests.kit.cluster.pod_container import input_documents
from tests.kit.operator_fixture import REPORT, JobNamespace

from dpojob_api.job import Attempt, ChildJob
from dpojob_api.plan import Plan
from dpojob_api.report import InspectionReport
from dpojob_operator import manifests
from dpojob_operator.decide.child_names import MAX_LENGTH, rendezvous_name, training_name
from dpojob_operator.decide.effective_spec import effective_spec
from dpojob_operator.decide.object_snapshots import PodSnapshot
from dpojob_operator.process import WorkloadSettings


def test_inputs_are_read_only_unless_the_output_shares_their_claim() -> None:
    mounts = {
        m["mountPath"]: m.get("readOnly", False) for m in container(training())["volumeMounts"]
    }
    assert mounts["/volumes/data"] is True
    assert mounts["/volumes/models"] is False
    sources = [v.get("persistentVolumeClaim") for v in pod(training())["volumes"]]
    assert [source for source in sources if source is not None] == [
        {"claimName": "models"},
        {"claimName": "data", "readOnly": True},
    ]
    assert input_documents(training()["spec"]["template"])["volumes.json"] == {
        "data": "/volumes/data",
        "models": "/volumes/models",
    }


def test_a_cache_is_mounted_writable() -> None:
    made = training(cache={"volume": {"claimName": "cache", "path": "dpo"}})
    mounts = {m["mountPath"]: m.get("readOnly", False) for m in container(made)["volumeMounts"]}
    assert mounts["/volumes/cache"] is False
    assert input_documents(made["spec"]["template"])["volumes.json"]["cache"] == "/volumes/cache"


def test_secrets_are_named_and_never_read() -> None:
    env = environment(training())
    assert env["HF_TOKEN"] == {"secretKeyRef": {"name": "hub", "key": "token"}}
    assert env["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["name"] == "s3"
    (source,) = container(training())["envFrom"]
    assert source == {"prefix": "DPOJOB_SECRET_", "secretRef": {"name": "trackers"}}
    assert "AWS_ACCESS_KEY_ID" not in environment(inspection())
    assert "envFrom" not in container(inspection())


def test_the_key_of_a_judge_is_a_file_of_the_training_pod_alone() -> None:
    secret = {"name": "judge", "key": "api-key"}
    endpoint = {"url": "https://llm.example/v1", "model": "big", "secret": secret}
    made = training(evaluation={"judge": {"endpoint": endpoint}})
    (volume,) = [v for v in pod(made)["volumes"] if v["name"] == "judge-key"]
    items = [{"key": "api-key", "path": "key"}]
    # Optional, so that a missing Secret costs the verdict and not the model.
    assert volume["secret"] == {"secretName": "judge", "items": items, "optional": True}
    (mount,) = [m for m in container(made)["volumeMounts"] if m["name"] == "judge-key"]
    assert mount == {"name": "judge-key", "mountPath": "/etc/dpojob/judge", "readOnly": True}
    assert "judge" not in json.dumps(container(made)["env"])
    for other in (training(), inspection(evaluation={"judge": {"endpoint": endpoint}})):
        assert "judge-key" not in [v["name"] for v in pod(other)["volumes"]]


def directory_label(output: dict[str, Any]) -> str | None:
    made = training(output=output)
    on_the_job, on_the_pod = (
        metadata["labels"].get("dpojob.dev/output-directory")
        for metadata in (made["metadata"], made["spec"]["template"]["metadata"])
    )
    assert on_the_job == on_the_pod
    return on_the_pod


def test_a_training_pod_is_found_by_the_directory_it_writes_to() -> None:
    def label(claim: str, path: str | None) -> str | None:
        return directory_label({"volume": {"claimName": claim, **({"path": path} if path else {})}})

    assert label("models", "tuned") == label("models", "./tuned/") == label("models", "a/../tuned")
    assert label("models", None) == label("models", ".")
    directories = [("models", "tuned"), ("models", "another"), ("models", None), ("other", "tuned")]
    assert len({label(*directory) for directory in directories}) == len(directories)
    assert directory_label({"push": "me/it"}) is None


def planned_resources(
    settings: WorkloadSettings = SETTINGS, status: dict[str, Any] | None = None, **figures: Any
) -> dict[str, Any]:
    """The pod of a plan with these figures."""
    owner = job(status, **EVERYTHING)
    attempt = Attempt(number=1, job=ChildJob(name=training_name(owner.name, owner.uid, 1)))
    report = InspectionReport.model_validate(REPORT)
    made = Plan.model_validate({**plan().wire(), **figures})
    manifest = manifests.training_job(owner, owner.spec, attempt, made, report, POOL, settings)
    return dict(manifest["spec"]["template"]["spec"])


def test_memory_and_scratch_are_those_of_the_plan() -> None:
    pod = planned_resources(hostMemoryGiB=77, scratchGiB=80)
    assert pod["containers"][0]["resources"]["requests"] == {
        "cpu": "2", "memory": "77Gi", "ephemeral-storage": "80Gi", "nvidia.com/gpu": "1",
    }  # fmt: skip
    assert pod["volumes"][0] == {"name": "scratch", "emptyDir": {"sizeLimit": "80Gi"}}


def test_the_installations_figures_are_the_least() -> None:
    pod = planned_resources(hostMemoryGiB=5, scratchGiB=6)
    assert pod["containers"][0]["resources"]["requests"]["memory"] == "8Gi"
    assert pod["containers"][0]["resources"]["requests"]["ephemeral-storage"] == "6Gi"
    assert pod["volumes"][0] == {"name": "scratch", "emptyDir": {"sizeLimit": "50Gi"}}


@pytest.mark.parametrize(
    ("limit", "expected"), [("8Gi", "77Gi"), ("8000M", "77Gi"), ("1e12", "1e12"), ("1Ti", "1Ti")]
)
def test_a_limit_below_the_plans_request_is_raised(limit: str, expected: str) -> None:
    settings = SETTINGS.model_copy(update={"train_resources": {"limits": {"memory": limit}}})
    resources = planned_resources(settings, hostMemoryGiB=77)["containers"][0]["resources"]
    assert resources["requests"]["memory"] == "77Gi"
    assert resources["limits"]["memory"] == expected


@pytest.mark.parametrize(("planned", "expected"), [(0, 120), (30, 120), (203, 203)])
def test_the_grace_period_lasts_for_the_checkpoint(planned: int, expected: int) -> None:
    checkpoint = {"sizeGiB": 17.2, "gracePeriodSeconds": planned}
    assert planned_resources(checkpoint=checkpoint)["terminationGracePeriodSeconds"] == expected


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        ({"checkpointSeconds": 300.0, "stepsPerSecond": 0.1}, 370),
        ({"checkpointSeconds": 5.0, "stepsPerSecond": 10.0}, 203),
        ({"checkpointSeconds": 300.0}, 203),
        ({"checkpointSeconds": 1e9, "stepsPerSecond": 1e-6}, 3600),
    ],
)
def test_a_later_attempt_has_the_time_that_a_checkpoint_was_measured_to_take(
    progress: dict[str, float], expected: int
) -> None:
    checkpoint = {"sizeGiB": 17.2, "gracePeriodSeconds": 203}
    pod = planned_resources(status={"progress": progress}, checkpoint=checkpoint)
    assert pod["terminationGracePeriodSeconds"] == expected


def test_the_base_of_an_adapter_from_an_earlier_job_is_mounted_too() -> None:
    owner = job(
        {
            "dependency": {
                "kind": "DPOJob", "name": "first", "uid": "u", "baseClaims": ["bases"],
                "volume": {"claimName": "first-output", "path": ""},
            }
        },
        model={"fromJob": {"name": "first"}},
    )  # fmt: skip
    spec = effective_spec(owner.name, owner.spec, owner.status)
    made = manifests.inspection_job(owner, spec, "inspect-it", "key", SETTINGS)
    mounts = {m["mountPath"]: m.get("readOnly") for m in container(made)["volumeMounts"]}
    assert mounts["/volumes/first-output"] is mounts["/volumes/bases"] is True
    sources = [volume.get("persistentVolumeClaim", {}) for volume in pod(made)["volumes"]]
    read_only = {source["claimName"] for source in sources if source.get("readOnly")}
    assert read_only == {"first-output", "bases"}
    volumes = input_documents(made["spec"]["template"])["volumes.json"]
    assert set(volumes) == {"first-output", "bases"}


def test_compiled_kernels_are_kept_where_the_pod_may_write() -> None:
    made = training()
    writable = [m["mountPath"] for m in container(made)["volumeMounts"] if not m.get("readOnly")]
    assert "/scratch" in writable
    env = environment(made)
    for name in ("HOME", "TMPDIR", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR"):
        assert env[name].startswith("/scratch")


def test_disruptions_are_not_counted_and_permanent_failures_are_final() -> None:
    rules = training()["spec"]["podFailurePolicy"]["rules"]
    assert rules[0]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert (rules[1]["action"], rules[1]["onExitCodes"]["values"]) == ("Ignore", [12, 143])
    assert (rules[2]["action"], rules[2]["onExitCodes"]["values"]) == (
        "FailJob",
        [10, 11, 13, 14, 15],
    )


def test_several_nodes_rendezvous_at_rank_zero() -> None:
    made = training(nodes=2, gpus=8)
    name = made["metadata"]["name"]
    assert made["spec"]["completionMode"] == "Indexed"
    assert made["spec"]["completions"] == made["spec"]["parallelism"] == 2
    domain = made["spec"]["template"]["spec"]["subdomain"]
    assert environment(made)["MASTER_ADDR"] == f"{name}-0.{domain}"
    assert container(made)["resources"]["limits"]["nvidia.com/gpu"] == "4"


def test_names_fit_and_differ() -> None:
    long = "x" * 63
    names = {training_name(long, uid, attempt) for uid in ("a", "b") for attempt in (1, 2)}
    assert len(names) == 4
    assert all(len(name) <= MAX_LENGTH for name in names)
    assert all(len(rendezvous_name(name)) <= 63 for name in names)
    assert "." not in training_name("a.b", "u", 1)


@pytest.mark.cluster
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (2, 8)])
def test_the_restricted_standard_admits_every_pod(
    job_namespace: JobNamespace, shape: tuple[int, int]
) -> None:
    """A refused pod would show as a Job without pods, so the pods themselves are offered."""
    for made in (inspection(), training(*shape)):
        template = made["spec"]["template"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": made["metadata"]["name"],
                "labels": template["metadata"]["labels"],
                "annotations": template["metadata"]["annotations"],
            },
            "spec": template["spec"],
        }
        output = job_namespace.kubectl(
            "apply", "--dry-run=server", "-f", "-", input=json.dumps(pod)
        )
        assert "created" in output
        made["metadata"]["namespace"] = job_namespace.namespace
        job_namespace.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(made))


@pytest.mark.cluster
def test_the_api_server_accepts_service_and_claim(job_namespace: JobNamespace) -> None:
    owner = job()
    owner.metadata["namespace"] = job_namespace.namespace
    # A DPOJob's name may begin with a digit, a Service's may not.
    attempt = Attempt(number=1, job=ChildJob(name=training_name("7b-tune", "u", 1)))
    made = [
        manifests.rendezvous_service(owner, attempt),
        manifests.output_claim(owner, "x-output", 5, shared=True, settings=SETTINGS),
    ]
    for manifest in made:
        job_namespace.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(manifest))


def test_a_pods_state_is_that_of_the_training_container_and_not_of_a_sidecar() -> None:
    def status(name: str, code: int) -> dict[str, Any]:
        ended = {"exitCode": code, "startedAt": "2026-11-23T12:00:00Z", "message": name}
        return {"name": name, "state": {"terminated": ended}}

    pod = {
        "metadata": {"name": "p", "uid": "u"},
        "status": {"containerStatuses": [status("istio-proxy", 0), status("train", 11)]},
    }
    facts = PodSnapshot.read(pod)
    assert (facts.exit_code, facts.termination_message) == (11, "train")
