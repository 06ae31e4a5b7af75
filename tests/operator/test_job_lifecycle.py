"""The life of a job, on a real API server."""

from __future__ import annotations

import json

import pytest
from tests.kit.operator_fixture import Process, World, failed, stranger

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
    world.kubectl("wait", "--for=condition=Complete", "dpojob/first", "--timeout=60s")
    claim = world.get("pvc", "first-output")
    assert claim is not None and "ownerReferences" not in claim["metadata"]


def test_an_invalid_dataset_ends_the_job_before_a_gpu_is_requested(
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
def test_an_unreadable_input_fails_with_its_reason(
    world: World, operator: Process, reason: str
) -> None:
    world.job("away")
    world.inspected("away", {"valid": False, "reason": reason, "error": "It is not there."}, 2)
    assert world.until_condition("away", "Failed", reason).startswith("It is not there. ")


def test_a_missing_claim_is_named_and_no_pod_is_created(world: World, operator: Process) -> None:
    world.job("unclaimed", dataset={"volume": {"claimName": "nowhere", "path": "d.jsonl"}})
    assert "'nowhere'" in world.until_condition("unclaimed", "Failed", "ClaimNotFound")
    assert world.condition("unclaimed", "DatasetValid")[:2] == ("False", "ClaimNotFound")
    assert world.list("pods", job="unclaimed") == []


def test_an_unknown_pool_fails_at_planning(world: World, operator: Process) -> None:
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


def test_a_user_error_is_not_retried_and_keeps_the_termination_message(
    world: World, operator: Process
) -> None:
    world.job("oom")
    world.inspected("oom")
    message = failed("OutOfMemory", "CUDA out of memory.", peakMemoryGiB=15.5)
    world.end_pod(world.pod("oom", "train"), 11, message)
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


def test_a_deleted_training_job_is_not_run_again(world: World, operator: Process) -> None:
    world.job("robbed")
    world.inspected("robbed")
    world.pod("robbed", "train")
    world.kubectl("delete", "jobs", "-l", "dpojob.dev/stage=train", "--wait=false")
    world.until_condition("robbed", "Failed", "JobDeleted")
    assert world.list("jobs", job="robbed", stage="train") == []


def test_a_job_of_another_owner_is_never_adopted(world: World, operator: Process) -> None:
    world.job("twin", suspend=True)
    world.until_condition("twin", "Suspended", "SuspendedByUser")
    raw = world.get("dpojob", "twin")
    assert raw is not None
    from dpojob_operator.decide.child_names import inspection_name

    name = inspection_name("twin", raw["metadata"]["uid"])
    world.apply(stranger(name))
    world.suspend("twin", False)
    assert name in world.until_condition("twin", "Failed", "JobNameConflict")
    left = world.get("job", name)
    assert left is not None and "deletionTimestamp" not in left["metadata"]


def test_a_recreated_job_uses_none_of_the_old_children(world: World, operator: Process) -> None:
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


def test_deleting_a_running_job_leaves_only_the_output_claim(
    world: World, operator: Process
) -> None:
    world.job("gone")
    world.inspected("gone")
    world.pod("gone", "train")
    world.kubectl("delete", "dpojob", "gone", "--timeout=60s")
    world.until("its Jobs are gone", lambda: not world.list("jobs", job="gone"))
    world.until("its pods are gone", lambda: not world.list("pods", job="gone"))
    assert world.get("pvc", "gone-output") is not None


def test_a_rejected_creation_is_reported_and_retried(world: World, operator: Process) -> None:
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


def test_a_finished_job_is_not_written_to(world: World, operator: Process) -> None:
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
