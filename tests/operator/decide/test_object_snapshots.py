"""What is read from Jobs, Pods and PersistentVolumeClaims as the API server returns them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dpojob_operator.decide.object_snapshots import (
    ANNOTATION_POOL,
    JobSnapshot,
    PodSnapshot,
    PVCSnapshot,
    WorkloadSnapshot,
    owner_uid,
    parse_timestamp,
)

NOON = "2026-11-23T12:00:00Z"
AT_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = "2026-11-23T12:30:00Z"
AT_LATER = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
METADATA = {"name": "a", "uid": "u"}


def test_a_timestamp_has_its_time_zone() -> None:
    assert parse_timestamp(NOON) == AT_NOON
    assert parse_timestamp("2026-11-23T13:00:00+01:00") == AT_NOON
    assert parse_timestamp(None) is None


@pytest.mark.parametrize(
    ("references", "uid"),
    [
        ([{"uid": "other"}, {"uid": "mine", "controller": True}], "mine"),
        ([{"uid": "other", "controller": False}], None),
        ([], None),
        (None, None),
    ],
)
def test_only_the_controlling_owner_counts(references: Any, uid: str | None) -> None:
    assert owner_uid({"ownerReferences": references}) == uid
    assert owner_uid({}) is None


def test_a_new_job_has_nothing_but_its_name() -> None:
    assert JobSnapshot.read({"metadata": METADATA}) == JobSnapshot("a", "u")


def test_every_field_of_a_job_is_read() -> None:
    job = {
        "metadata": {
            **METADATA,
            "ownerReferences": [{"uid": "o", "controller": True}],
            "creationTimestamp": NOON,
            "deletionTimestamp": LATER,
            "annotations": {ANNOTATION_POOL: "h"},
        },
        "spec": {"suspend": True, "completions": 4},
    }
    assert JobSnapshot.read(job) == JobSnapshot(
        "a", "u", owner="o", suspended=True, deleting=True, created=AT_NOON, completions=4,
        pool_hash="h",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([{"type": "Complete", "status": "True", "lastTransitionTime": LATER}],
         {"complete": True, "ended": AT_LATER}),
        ([{"type": "Failed", "status": "True", "lastTransitionTime": LATER, "reason": "R", "message": "M"}],
         {"failed": True, "ended": AT_LATER, "failure_reason": "R", "failure_message": "M"}),
        ([{"type": "Failed", "status": "False", "lastTransitionTime": LATER}], {}),
        ([{"type": "Suspended", "status": "True", "lastTransitionTime": LATER}], {}),
        ([{"type": "Failed", "status": "True"}], {"failed": True}),
    ],
)  # fmt: skip
def test_a_job_ends_by_its_conditions(
    conditions: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    found = JobSnapshot.read({"metadata": METADATA, "status": {"conditions": conditions}})
    assert found == JobSnapshot("a", "u", **expected)
    assert found.finished is (found.complete or found.failed)


def test_a_new_pod_has_nothing_but_its_name() -> None:
    assert PodSnapshot.read({"metadata": METADATA}) == PodSnapshot("a", "u")


def test_every_field_of_a_running_pod_is_read() -> None:
    pod = {
        "metadata": {
            **METADATA,
            "creationTimestamp": NOON,
            "annotations": {"batch.kubernetes.io/job-completion-index": "3"},
        },
        "spec": {"nodeName": "n"},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": NOON}],
            "containerStatuses": [
                {"name": "mesh", "state": {"running": {"startedAt": NOON}}},
                {"name": "train", "state": {"running": {"startedAt": LATER}}},
            ],
        },
    }
    found = PodSnapshot.read(pod)
    assert found == PodSnapshot(
        "a", "u", index=3, phase="Running", created=AT_NOON, scheduled=True, scheduled_at=AT_NOON,
        address="10.0.0.1", started=AT_LATER,
    )  # fmt: skip
    assert found.running


def with_container(state: dict[str, Any], name: str = "inspect", **status: Any) -> PodSnapshot:
    containers = [{"name": name, "state": state}]
    return PodSnapshot.read(
        {"metadata": METADATA, "status": {**status, "containerStatuses": containers}}
    )


def test_an_ended_container_is_read_with_its_message() -> None:
    ended = {
        "startedAt": NOON, "finishedAt": LATER, "exitCode": 0, "reason": "Completed", "message": "M",
    }  # fmt: skip
    found = with_container({"terminated": ended}, phase="Succeeded")
    assert found == PodSnapshot(
        "a", "u", phase="Succeeded", started=AT_NOON, finished=AT_LATER, exit_code=0,
        exit_reason="Completed", termination_message="M",
    )  # fmt: skip
    assert not found.running


def test_a_waiting_container_is_read_with_its_reason() -> None:
    found = with_container({"waiting": {"reason": "R", "message": "M"}})
    assert found == PodSnapshot("a", "u", waiting_reason="R", waiting_message="M")
    assert not found.running


def test_another_container_is_not_read() -> None:
    found = with_container({"running": {"startedAt": NOON}}, name="mesh")
    assert found == PodSnapshot("a", "u")


@pytest.mark.parametrize(
    ("phase", "conditions", "finished"),
    [
        ("Failed", [{"type": "Ready", "lastTransitionTime": LATER},
                    {"type": "Initialized", "lastTransitionTime": NOON}], AT_LATER),
        ("Failed", [{"type": "Ready"}], AT_NOON),
        ("Succeeded", [], AT_NOON),
        ("Running", [{"type": "Ready", "lastTransitionTime": LATER}], None),
    ],
)  # fmt: skip
def test_a_lost_nodes_pod_ended_when_it_was_last_heard_of(
    phase: str, conditions: list[dict[str, Any]], finished: datetime | None
) -> None:
    """The garbage collector fails the pod; its container never reports."""
    found = with_container({"running": {"startedAt": NOON}}, phase=phase, conditions=conditions)
    assert found.finished == finished
    assert found.running is (finished is None)


@pytest.mark.parametrize(
    ("condition", "unschedulable", "scheduled_at"),
    [
        ({"status": "False", "reason": "Unschedulable", "message": "M", "lastTransitionTime": NOON}, "M", None),
        ({"status": "False", "reason": "SchedulerError", "message": "M"}, "", None),
        ({"status": "True", "lastTransitionTime": NOON}, "", AT_NOON),
    ],
)  # fmt: skip
def test_what_the_scheduler_did(
    condition: dict[str, Any], unschedulable: str, scheduled_at: datetime | None
) -> None:
    pod = {
        "metadata": METADATA,
        "status": {"conditions": [{"type": "PodScheduled", **condition}]},
    }
    found = PodSnapshot.read(pod)
    assert (found.unschedulable, found.scheduled_at) == (unschedulable, scheduled_at)


@pytest.mark.parametrize(
    ("annotation", "index"),
    [("0", 0), ("12", 12), ("999999", 999999), ("1000000", -1), ("-1", -1), ("x", -1), ("²", -1), ("", -1)],
)  # fmt: skip
def test_a_pods_index_is_a_number_or_none(annotation: str, index: int) -> None:
    annotations = {"batch.kubernetes.io/job-completion-index": annotation}
    assert PodSnapshot.read({"metadata": {**METADATA, "annotations": annotations}}).index == index


@pytest.mark.parametrize(
    ("status", "eviction_message"),
    [
        ({"reason": "Evicted", "message": "M"}, "M"),
        ({"reason": "Preempting", "message": "M"}, ""),
        ({"reason": "Evicted"}, ""),
    ],
)
def test_only_an_evicted_pod_has_an_eviction_message(
    status: dict[str, str], eviction_message: str
) -> None:
    assert (
        PodSnapshot.read({"metadata": METADATA, "status": status}).eviction_message
        == eviction_message
    )


def test_a_pod_that_is_being_deleted() -> None:
    assert PodSnapshot.read({"metadata": {**METADATA, "deletionTimestamp": NOON}}).deleting


def test_a_new_claim_has_nothing_but_its_name() -> None:
    assert PVCSnapshot.read({"metadata": METADATA}) == PVCSnapshot("a")


def test_every_field_of_a_claim_is_read() -> None:
    claim = {
        "metadata": {**METADATA, "labels": {"dpojob.dev/uid": "j"}, "deletionTimestamp": NOON},
        "spec": {"accessModes": ["ReadWriteOnce", "ReadOnlyMany"]},
        "status": {"phase": "Bound"},
    }
    assert PVCSnapshot.read(claim) == PVCSnapshot(
        "a", phase="Bound", job_uid="j", deleting=True,
        access_modes=("ReadWriteOnce", "ReadOnlyMany"),
    )  # fmt: skip


QUOTA = {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": "no quota"}
RESERVED = {"type": "QuotaReserved", "status": "True", "reason": "QuotaReserved", "message": "in q"}
EVICTED = {"type": "Evicted", "status": "True", "reason": "Preempted", "message": "by another"}
CHECK = {"name": "prov", "state": "Pending", "message": "capacity is asked for"}


@pytest.mark.parametrize(
    ("spec", "status", "reason", "message"),
    [
        ({}, {}, "", ""),
        ({}, {"conditions": [QUOTA]}, "Pending", "no quota"),
        ({}, {"conditions": [EVICTED, QUOTA]}, "Pending", "no quota"),
        ({}, {"conditions": [EVICTED]}, "Preempted", "by another"),
        ({}, {"conditions": [{**EVICTED, "status": "False"}]}, "", ""),
        (
            {},
            {"conditions": [RESERVED], "admissionChecks": [CHECK, {"name": "b", "state": "Ready"}]},
            "AdmissionCheck",
            "Quota is reserved; admission checks are awaited: prov is Pending: capacity is asked for",
        ),
        ({}, {"conditions": [RESERVED]}, "", ""),
        (
            {"active": False},
            {"conditions": [QUOTA]},
            "Inactive",
            "The Workload is deactivated (spec.active is false).",
        ),
    ],
)
def test_a_workload_gives_what_holds_it(
    spec: dict[str, Any], status: dict[str, Any], reason: str, message: str
) -> None:
    read = WorkloadSnapshot.read({"spec": {"queueName": "team", **spec}, "status": status})
    assert read == WorkloadSnapshot("team", reason, message)
