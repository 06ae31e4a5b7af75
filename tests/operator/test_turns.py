"""Every turn a job can take, on a real API server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.operator.world import REPORT, Process, World, failed, pool

pytestmark = pytest.mark.cluster


def test_a_job_is_inspected_planned_and_trained(world: World, operator: Process) -> None:
    world.job("first")
    world.inspected("first")
    pod = world.pod("first", "train")
    environment = {e["name"]: e.get("value") for e in pod["spec"]["containers"][0]["env"]}
    manifest = json.loads(environment["DPOJOB_MANIFEST"] or "")
    assert manifest["spec"]["output"]["volume"] == {"claimName": "first-output", "path": ""}
    assert json.loads(environment["DPOJOB_PLAN"] or "") == world.status("first")["plan"]
    assert json.loads(environment["DPOJOB_VOLUMES"] or "") == {
        "first-output": "/volumes/first-output"
    }
    world.trained("first")
    world.until_condition("first", "Complete", "Completed")
    status = world.status("first")
    assert status["phase"] == "Complete"
    assert status["progress"]["margin"] == 1.25
    assert status["display"]["progress"] == "100%"
    assert status["artifacts"]["claimName"] == "first-output"
    assert status["artifacts"]["report"] == "report.html"
    assert [a["outcome"] for a in status["attempts"]] == ["Succeeded"]
    assert world.condition("first", "Ready")[0] == "True"
    world.kubectl("wait", "--for=condition=Complete", "dpojob/first", "--timeout=1s")
    claim = world.get("pvc", "first-output")
    assert claim is not None and "ownerReferences" not in claim["metadata"]


def test_an_invalid_dataset_ends_the_job_before_a_gpu_is_asked_for(
    world: World, operator: Process
) -> None:
    world.job("bad")
    world.inspected(
        "bad",
        {
            "valid": False,
            "reason": "DatasetInvalid",
            "columns": ["question", "good", "bad"],
            "problems": [{"code": "MissingColumn", "message": "No column 'chosen'."}],
            "suggestion": {"columnMapping": {"chosen": "good"}},
        },
        exit_code=1,
    )
    message = world.until_condition("bad", "Failed", "DatasetInvalid")
    assert "question, good, bad" in message
    assert "columnMapping: {chosen: good}" in message
    assert world.condition("bad", "DatasetValid")[0] == "False"
    assert world.list("jobs", job="bad", stage="train") == []


@pytest.mark.parametrize("reason", ["DatasetNotFound", "ModelNotFound", "DatasetUnreadable"])
def test_what_cannot_be_looked_at_fails_with_its_reason(
    world: World, operator: Process, reason: str
) -> None:
    world.job("away")
    world.inspected("away", {"valid": False, "reason": reason, "error": "It is not there."}, 2)
    assert world.until_condition("away", "Failed", reason) == "It is not there."


def test_a_missing_claim_is_named_and_no_pod_is_made(world: World, operator: Process) -> None:
    world.job("unclaimed", dataset={"volume": {"claimName": "nowhere", "path": "d.jsonl"}})
    assert "'nowhere'" in world.until_condition("unclaimed", "Failed", "ClaimNotFound")
    assert world.condition("unclaimed", "DatasetValid")[:2] == ("False", "ClaimNotFound")
    assert world.list("pods", job="unclaimed") == []


def test_an_unknown_pool_fails_at_the_plan(world: World, operator: Process) -> None:
    world.job("lost", hardware={"pool": "no-such-pool"})
    world.inspected("lost")
    assert "no-such-pool" in world.until_condition("lost", "Failed", "PoolNotFound")
    assert world.condition("lost", "Planned")[0] == "False"
    assert world.list("jobs", job="lost", stage="train") == []


def test_validate_only_ends_with_report_and_plan(world: World, operator: Process) -> None:
    world.job("checked", validateOnly=True)
    world.inspected("checked")
    world.until_condition("checked", "Complete", "Validated")
    assert world.status("checked")["plan"]["pool"] == world.namespace
    assert world.list("jobs", job="checked", stage="train") == []


def test_suspend_stops_and_resume_begins_the_next_attempt(world: World, operator: Process) -> None:
    world.job("paused")
    world.inspected("paused")
    world.pod("paused", "train", 1)
    patch_suspend(world, "paused", True)
    world.until(
        "the first attempt is over",
        lambda: (world.status("paused")["attempts"][0]).get("endTime"),
    )
    assert world.condition("paused", "Suspended")[:2] == ("True", "SuspendedByUser")
    assert world.status("paused")["phase"] == "Suspended"
    assert world.list("jobs", job="paused", stage="train") == []
    patch_suspend(world, "paused", False)
    world.trained("paused", attempt=2, resumedFrom=50)
    world.until_condition("paused", "Complete", "Completed")
    status = world.status("paused")
    assert [a["outcome"] for a in status["attempts"]] == ["Suspended", "Succeeded"]
    assert status["attempts"][1]["firstStep"] == 50
    assert world.condition("paused", "Suspended")[:2] == ("False", "Resumed")


def test_suspended_from_the_start_makes_nothing(world: World, operator: Process) -> None:
    world.job("later", suspend=True)
    world.until_condition("later", "Suspended", "SuspendedByUser")
    assert world.list("jobs", job="later") == []
    patch_suspend(world, "later", False)
    world.inspected("later")
    world.pod("later", "train", 1)


def patch_suspend(world: World, name: str, value: bool) -> None:
    world.kubectl(
        "patch", "dpojob", name, "--type=merge", "-p", json.dumps({"spec": {"suspend": value}})
    )


def test_the_budget_stops_a_running_job(world: World, operator: Process) -> None:
    world.job("dear", budget={"maxDuration": "3s"})
    world.inspected("dear")
    message = world.until_condition("dear", "Failed", "BudgetExceeded")
    assert "budget.maxDuration is 3s" in message
    world.until("the Job is gone", lambda: not world.list("jobs", job="dear", stage="train"))
    status = world.status("dear")
    assert float(status["cost"]["soFar"]) > 0
    assert status["attempts"][0]["endTime"]


def test_a_user_error_is_not_retried_and_keeps_the_pods_word(
    world: World, operator: Process
) -> None:
    world.job("oom")
    world.inspected("oom")
    word = failed("OutOfMemory", "CUDA out of memory.", peakMemoryGiB=15.5)
    world.end_pod(world.pod("oom", "train"), 11, word)
    message = world.until_condition("oom", "Failed", "OutOfMemory")
    assert "CUDA out of memory." in message
    assert "What would fit: " in message
    assert len(world.list("pods", job="oom", stage="train")) == 1


def test_unforeseen_failures_are_retried_up_to_the_limit(world: World, operator: Process) -> None:
    world.job("shaky", backoffLimit=0)
    world.inspected("shaky")
    world.end_pod(world.pod("shaky", "train"), 1, failed("TrainingFailed", "Segmentation fault."))
    message = world.until_condition("shaky", "Failed", "BackoffLimitExceeded")
    assert "Segmentation fault." in message


def test_an_interrupted_pod_is_replaced_free_of_charge(world: World, operator: Process) -> None:
    world.job("evicted", backoffLimit=0)
    world.inspected("evicted")
    first = world.pod("evicted", "train")
    word = {"outcome": "Interrupted", "reason": "Resumed", "progress": {"step": 5, "maxSteps": 9}}
    world.end_pod(first, 12, word)

    def replaced() -> dict[str, Any] | None:
        pod = world.pod("evicted", "train")
        return None if pod["metadata"]["uid"] == first["metadata"]["uid"] else pod

    world.end_pod(world.until("another pod", replaced), 0, REPORT and {
        "outcome": "Succeeded", "reason": "Completed", "message": "Done.",
        "progress": {"step": 9, "maxSteps": 9, "resumedFrom": 5},
    })  # fmt: skip
    world.until_condition("evicted", "Complete", "Completed")
    assert len(world.status("evicted")["attempts"]) == 1


def test_a_deleted_training_job_is_not_run_again(world: World, operator: Process) -> None:
    world.job("robbed")
    world.inspected("robbed")
    world.pod("robbed", "train")
    world.kubectl("delete", "jobs", "-l", "dpojob.dev/stage=train", "--wait=false")
    world.until_condition("robbed", "Failed", "JobDeleted")
    assert world.list("jobs", job="robbed", stage="train") == []


def test_a_strangers_job_is_never_adopted(world: World, operator: Process) -> None:
    world.job("twin", suspend=True)
    world.until_condition("twin", "Suspended", "SuspendedByUser")
    raw = world.get("dpojob", "twin")
    assert raw is not None
    from dpojob_operator.child_names import inspection_name

    name = inspection_name("twin", raw["metadata"]["uid"])
    world.apply(stranger(name))
    patch_suspend(world, "twin", False)
    assert name in world.until_condition("twin", "Failed", "JobNameConflict")
    left = world.get("job", name)
    assert left is not None and "deletionTimestamp" not in left["metadata"]


def stranger(name: str) -> dict[str, Any]:
    pod = {
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}
        },
        "containers": [{
            "name": "c", "image": "any",
            "securityContext": {
                "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}
            },
        }],
    }  # fmt: skip
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}},
    }


def test_time_to_live_deletes_the_job_and_keeps_the_model(world: World, operator: Process) -> None:
    world.job("brief", ttlSecondsAfterFinished=1)
    world.inspected("brief")
    world.trained("brief")
    world.until("the DPOJob is gone", lambda: world.get("dpojob", "brief") is None)
    world.until("its Jobs are gone", lambda: not world.list("jobs", job="brief"))
    assert world.get("pvc", "brief-output") is not None


def test_recreated_under_the_same_name_meets_none_of_the_old_children(
    world: World, operator: Process
) -> None:
    world.job("again")
    world.inspected("again")
    world.trained("again")
    world.until_condition("again", "Complete", "Completed")
    world.kubectl("delete", "dpojob", "again")
    world.job("again")
    world.until("the old children are gone", lambda: len(world.list("jobs", job="again")) == 1)
    world.inspected("again")
    world.trained("again")
    world.until_condition("again", "Complete", "Completed")
    claim = world.status("again")["artifacts"]["claimName"]
    assert claim.startswith("again-output-"), "the earlier model's claim is left alone"


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


def test_a_cycle_is_told(world: World, operator: Process) -> None:
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


def test_a_waiting_job_follows_its_pool_and_a_running_one_keeps_its_plan(
    world: World, operator: Process
) -> None:
    nowhere = {"test": "nowhere"}
    world.apply(pool(world.namespace, world.namespace, nodeSelector=nowhere))
    world.job("waiter")
    world.inspected("waiter")
    world.until_condition("waiter", "Training", "Queued")
    assert world.status("waiter")["phase"] == "Queued"
    world.apply(pool(world.namespace, world.namespace))
    world.pod("waiter", "train", 2)
    attempts = world.status("waiter")["attempts"]
    assert [a.get("outcome") for a in attempts] == ["Replanned", None]
    world.apply(pool(world.namespace, world.namespace, hourlyPrice="9.00"))
    world.trained("waiter", attempt=2)
    world.until_condition("waiter", "Complete", "Completed")
    assert world.status("waiter")["plan"]["hourlyPrice"] == "3600"


def test_a_queueing_system_may_hold_the_training_job(world: World, operator: Process) -> None:
    manifest = {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "DPOJob",
        "metadata": {"name": "kueued", "labels": {"kueue.x-k8s.io/queue-name": "team"}},
        "spec": {"model": {"repo": "tiny/chat"}, "dataset": {"repo": "tiny/pairs"}},
    }
    world.apply(manifest)
    world.inspected("kueued")
    world.pod("kueued", "train")
    (job,) = world.list("jobs", job="kueued", stage="train")
    name = job["metadata"]["name"]
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team"
    world.kubectl("patch", "job", name, "--type=merge", "-p", '{"spec":{"suspend":true}}')
    world.until_condition("kueued", "Suspended", "SuspendedByQueue")
    world.kubectl("patch", "job", name, "--type=merge", "-p", '{"spec":{"suspend":false}}')
    world.trained("kueued")
    world.until_condition("kueued", "Complete", "Completed")
    assert len(world.status("kueued")["attempts"]) == 1


def test_deleting_a_running_job_leaves_nothing_but_the_model(
    world: World, operator: Process
) -> None:
    world.job("gone")
    world.inspected("gone")
    world.pod("gone", "train")
    world.kubectl("delete", "dpojob", "gone", "--timeout=10s")
    world.until("its Jobs are gone", lambda: not world.list("jobs", job="gone"))
    world.until("its pods are gone", lambda: not world.list("pods", job="gone"))
    assert world.get("pvc", "gone-output") is not None


def test_a_refused_creation_is_told_and_tried_again(world: World, operator: Process) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    world.apply(quota)
    world.until("the quota counts", lambda: (world.get("quota", "none") or {}).get("status"))
    world.job("refused")
    message = world.until_condition("refused", "DatasetValid", "CreationRefused")
    assert "exceeded quota" in message
    assert not world.condition("refused", "Failed")[0]
    world.kubectl("delete", "quota", "none")
    world.kubectl("annotate", "dpojob", "refused", "nudge=1")
    world.inspected("refused")
    world.trained("refused")
    world.until_condition("refused", "Complete", "Completed")


def test_a_quiet_job_is_not_written_to(world: World, operator: Process) -> None:
    world.job("quiet")
    world.inspected("quiet")
    world.trained("quiet")
    world.until_condition("quiet", "Complete", "Completed")
    before = world.get("dpojob", "quiet")
    operator.stop()
    operator.start()
    world.job("other", suspend=True)  # when this one is seen, the listing of both is done
    world.until_condition("other", "Suspended", "SuspendedByUser")
    after = world.get("dpojob", "quiet")
    assert before is not None and after is not None
    assert before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
