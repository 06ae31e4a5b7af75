"""The life of a job, on a real API server."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.kit.cluster.pod_container import input_documents
from tests.kit.operator_fixture import (
    LIMIT,
    JobNamespace,
    Process,
    failed,
    foreign_job,
    succeeded,
)

pytestmark = pytest.mark.cluster


def test_a_job_is_inspected_planned_and_trained(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("first")
    job_namespace.inspected("first")
    pod = job_namespace.pod("first", "train")
    inputs = input_documents(pod)
    output = inputs["manifest.json"]["spec"]["output"]
    assert output["volume"] == {"claimName": "first-output", "path": ""}
    assert inputs["plan.json"] == job_namespace.status("first")["plan"]
    assert inputs["volumes.json"] == {"first-output": "/volumes/first-output"}
    job_namespace.trained("first")
    job_namespace.until_condition("first", "Complete", "Completed")
    status = job_namespace.status("first")
    assert status["phase"] == "Complete"
    assert status["progress"]["margin"] == 1.25
    assert status["display"]["progress"] == "100%"
    assert status["artifacts"]["claimName"] == "first-output"
    assert status["artifacts"]["report"] == "report.html"
    assert [a["outcome"] for a in status["attempts"]] == ["Succeeded"]
    assert job_namespace.condition("first", "Ready")[0] == "True"
    job_namespace.kubectl("wait", "--for=condition=Complete", "dpojob/first", f"--timeout={LIMIT}s")
    claim = job_namespace.get("pvc", "first-output")
    assert claim is not None and "ownerReferences" not in claim["metadata"]


def test_kubectl_waits_until_a_job_has_improved(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("judged", evaluation={"judge": {"rewardModel": {"repo": "tiny/reward"}}})
    job_namespace.inspected("judged")
    pod = job_namespace.pod("judged", "train")
    verdict = {"verdict": "BetterThanBase", "message": "The tuned model wins 62% of 200 prompts."}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(
            job_namespace.kubectl,
            "wait", "--for=condition=Improved", "dpojob/judged", f"--timeout={LIMIT}s",
        )  # fmt: skip
        job_namespace.end_pod(pod, 0, {**succeeded(), "evaluation": verdict})
        assert "condition met" in waiting.result()
    assert job_namespace.condition("judged", "Improved") == ("True", *verdict.values())

    def is_reported() -> bool:
        events = job_namespace.kubectl("get", "events", "-o", "jsonpath={..message}")
        return verdict["message"] in events

    job_namespace.until("an Event has the verdict", is_reported)


def test_an_invalid_dataset_ends_the_job_before_a_gpu_is_requested(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("bad")
    job_namespace.inspected(
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
    message = job_namespace.until_condition("bad", "Failed", "DatasetInvalid")
    assert "question, good, bad" in message
    assert "columnMapping: {chosen: good}" in message
    assert job_namespace.condition("bad", "DatasetValid")[0] == "False"
    assert job_namespace.list("jobs", job="bad", stage="train") == []


@pytest.mark.parametrize("reason", ["DatasetNotFound", "ModelNotFound", "DatasetUnreadable"])
def test_an_unreadable_input_fails_with_its_reason(
    job_namespace: JobNamespace, operator: Process, reason: str
) -> None:
    job_namespace.job("away")
    job_namespace.inspected(
        "away", {"valid": False, "reason": reason, "error": "It is not there."}, 2
    )
    assert job_namespace.until_condition("away", "Failed", reason).startswith("It is not there. ")


def test_a_missing_claim_is_named_and_no_pod_is_created(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("unclaimed", dataset={"volume": {"claimName": "nowhere", "path": "d.jsonl"}})
    assert "'nowhere'" in job_namespace.until_condition("unclaimed", "Failed", "ClaimNotFound")
    assert job_namespace.condition("unclaimed", "DatasetValid")[:2] == ("False", "ClaimNotFound")
    assert job_namespace.list("pods", job="unclaimed") == []


def test_an_unknown_pool_fails_at_planning(job_namespace: JobNamespace, operator: Process) -> None:
    job_namespace.job("lost", hardware={"pool": "no-such-pool"})
    job_namespace.inspected("lost")
    assert "no-such-pool" in job_namespace.until_condition("lost", "Failed", "PoolNotFound")
    assert job_namespace.condition("lost", "Planned")[0] == "False"
    assert job_namespace.list("jobs", job="lost", stage="train") == []


def test_validate_only_ends_with_report_and_plan(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("checked", validateOnly=True)
    job_namespace.inspected("checked")
    job_namespace.until_condition("checked", "Complete", "Validated")
    assert job_namespace.status("checked")["plan"]["pool"] == job_namespace.namespace
    assert job_namespace.list("jobs", job="checked", stage="train") == []


def test_a_user_error_is_not_retried_and_keeps_the_termination_message(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("oom")
    job_namespace.inspected("oom")
    message = failed("OutOfMemory", "CUDA out of memory.", peakMemoryGiB=15.5)
    job_namespace.end_pod(job_namespace.pod("oom", "train"), 11, message)
    message = job_namespace.until_condition("oom", "Failed", "OutOfMemory")
    assert "CUDA out of memory." in message
    assert "What would fit: " in message
    assert len(job_namespace.list("pods", job="oom", stage="train")) == 1


def test_unforeseen_failures_are_retried_up_to_the_limit(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("shaky", backoffLimit=0)
    job_namespace.inspected("shaky")
    job_namespace.end_pod(
        job_namespace.pod("shaky", "train"), 1, failed("TrainingFailed", "Segmentation fault.")
    )
    message = job_namespace.until_condition("shaky", "Failed", "BackoffLimitExceeded")
    assert "Segmentation fault." in message


def test_a_deleted_training_job_is_not_run_again(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("robbed")
    job_namespace.inspected("robbed")
    job_namespace.pod("robbed", "train")
    # Before its UID is recorded, a deleted Job cannot be distinguished from one that was never created.
    job_namespace.until(
        "its UID is recorded",
        lambda: job_namespace.status("robbed")["attempts"][-1]["job"].get("uid"),
    )
    job_namespace.kubectl("delete", "jobs", "-l", "dpojob.dev/stage=train", "--wait=false")
    job_namespace.until_condition("robbed", "Failed", "JobDeleted")
    assert job_namespace.list("jobs", job="robbed", stage="train") == []


def test_a_job_of_another_owner_is_never_adopted(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("twin", suspend=True)
    job_namespace.until_condition("twin", "Suspended", "SuspendedByUser")
    raw = job_namespace.get("dpojob", "twin")
    assert raw is not None
    from dpojob_operator.decide.child_names import inspection_name

    name = inspection_name("twin", raw["metadata"]["uid"])
    job_namespace.apply(foreign_job(name))
    job_namespace.suspend("twin", False)
    assert name in job_namespace.until_condition("twin", "Failed", "JobNameConflict")
    left = job_namespace.get("job", name)
    assert left is not None and "deletionTimestamp" not in left["metadata"]


def test_a_recreated_job_uses_none_of_the_old_children(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("again")
    job_namespace.inspected("again")
    job_namespace.trained("again")
    job_namespace.until_condition("again", "Complete", "Completed")
    job_namespace.kubectl("delete", "dpojob", "again")
    job_namespace.job("again")
    job_namespace.until(
        "the old children are gone", lambda: len(job_namespace.list("jobs", job="again")) == 1
    )
    job_namespace.inspected("again")
    job_namespace.trained("again")
    job_namespace.until_condition("again", "Complete", "Completed")
    claim = job_namespace.status("again")["artifacts"]["claimName"]
    assert claim.startswith("again-output-"), "the earlier model's claim is left alone"


def test_deleting_a_running_job_leaves_only_the_output_claim(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("gone")
    job_namespace.inspected("gone")
    job_namespace.pod("gone", "train")
    job_namespace.kubectl("delete", "dpojob", "gone", f"--timeout={LIMIT}s")
    job_namespace.until("its Jobs are gone", lambda: not job_namespace.list("jobs", job="gone"))
    job_namespace.until("its pods are gone", lambda: not job_namespace.list("pods", job="gone"))
    assert job_namespace.get("pvc", "gone-output") is not None


def test_a_rejected_creation_is_reported_and_retried(
    job_namespace: JobNamespace, operator: Process
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"count/jobs.batch": "0"}},
    }
    job_namespace.apply(quota)
    job_namespace.until(
        "the quota counts", lambda: (job_namespace.get("quota", "none") or {}).get("status")
    )
    job_namespace.job("refused")
    message = job_namespace.until_condition("refused", "DatasetValid", "QuotaExceeded")
    job_namespace.until_condition("refused", "Ready", "QuotaExceeded")
    assert "exceeded quota" in message
    assert not job_namespace.condition("refused", "Failed")[0]
    job_namespace.kubectl("delete", "quota", "none")
    job_namespace.kubectl("annotate", "dpojob", "refused", "nudge=1")
    job_namespace.inspected("refused")
    job_namespace.trained("refused")
    job_namespace.until_condition("refused", "Complete", "Completed")


def test_a_finished_job_is_not_written_to(job_namespace: JobNamespace, operator: Process) -> None:
    job_namespace.job("quiet")
    job_namespace.inspected("quiet")
    job_namespace.trained("quiet")
    job_namespace.until_condition("quiet", "Complete", "Completed")
    before = job_namespace.get("dpojob", "quiet")
    operator.stop()
    operator.start()
    job_namespace.job("other", suspend=True)  # when this one is seen, the listing of both is done
    job_namespace.until_condition("other", "Suspended", "SuspendedByUser")
    after = job_namespace.get("dpojob", "quiet")
    assert before is not None and after is not None
    assert before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


def test_a_spec_that_no_pod_can_hold_ends_before_any_job(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("large", samples={"prompts": ["\N{FLAMINGO}" * 4000] * 16})
    message = job_namespace.until_condition("large", "Failed", "SpecTooLarge")
    assert "spec.samples.prompts takes 251 KiB" in message
    assert job_namespace.list("jobs", job="large") == []


def test_a_column_in_dollars_reaches_pods_of_the_real_job_controller(
    job_namespace: JobNamespace, operator: Process
) -> None:
    column = "$(HF_TOKEN) $$x$$"
    mapping = {"prompt": "question", "chosen": column, "rejected": "bad"}
    job_namespace.job("dollars", dataset={"repo": "org/pairs", "columnMapping": mapping})
    pod = job_namespace.pod("dollars", "inspect")
    given = input_documents(pod)["manifest.json"]["spec"]["dataset"]["columnMapping"]
    assert given == mapping
    assert "$" not in json.dumps(pod["spec"]["containers"])
