"""One of the jobs that write to one directory continues; the others fail before a GPU is requested."""

from __future__ import annotations

from typing import Any, cast

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    UID,
    build_snapshot,
    decide_after_inspection,
    finished_pod,
    job,
    job_snapshot,
    reason,
    training_status,
)
from tests.kit.operator.api_clients import FakeReader, Recorder
from tests.kit.operator.output_writers import TUNED, holder, wire, writer
from tests.kit.operator_fixture import REPORT, JobNamespace, Process

from dpojob_api.constants import LABEL_JOB_UID, LABEL_OUTPUT_DIRECTORY
from dpojob_api.job import DPOJob
from dpojob_operator.controllers.dpojob import StateReader
from dpojob_operator.decide import OutputHolder, PlanningRequest, Policy
from dpojob_operator.decide.object_snapshots import PVCSnapshot
from dpojob_operator.decide.steps import decide, decide_with_pools
from dpojob_operator.indexes import DependentsIndex, ObjectStores, OutputLockIndex
from dpojob_operator.kube import parse_dpojob
from dpojob_operator.manifests import output_directory_label

INSPECTS = {"inspection": {"name": "i"}}
TRAINS = {**INSPECTS, "attempts": [{"number": 1, "job": {"name": "t"}, "pool": "t4", "gpus": 1}]}
ENDED = {
    "conditions": [
        {"type": "Finished", "status": "True", "reason": "Completed", "observedGeneration": 1,
         "lastTransitionTime": "2026-11-23T12:00:00Z"}
    ]
}  # fmt: skip


@pytest.mark.parametrize(
    ("asking", "other", "held"),
    [
        pytest.param(writer("b"), writer("a"), True, id="the older goes first"),
        pytest.param(writer("a"), writer("b"), False, id="so the older is not held"),
        pytest.param(writer("a"), writer("b", INSPECTS), True, id="who has begun before who has not"),
        pytest.param(writer("a", INSPECTS), writer("b", TRAINS), True, id="who trains before who inspects"),
        pytest.param(writer("b"), writer("a", ENDED), False, id="who has ended writes no more"),
        pytest.param(writer("b"), writer("a", suspend=True), False, id="suspended before it began"),
        pytest.param(writer("b"), writer("a", TRAINS, suspend=True), True, id="suspended in training"),
        pytest.param(
            writer("b"), writer("a", model={"fromJob": {"name": "z"}}), False, id="waiting for a model"
        ),
        pytest.param(writer("b"), writer("a", validateOnly=True), False, id="only looks"),
        pytest.param(writer("b", validateOnly=True), writer("a"), False, id="looks only itself"),
        pytest.param(
            writer("b"), writer("a", output={"volume": {"claimName": "models", "path": "other"}}),
            False, id="another directory",
        ),
        pytest.param(
            writer("b"), writer("a", output={"volume": {"claimName": "other", "path": "tuned"}}),
            False, id="another claim",
        ),
        pytest.param(writer("b"), writer("a", output={"push": "me/it"}), False, id="no claim at all"),
        pytest.param(
            writer("b", output={"volume": {"claimName": "a-output", "path": "."}}),
            writer("a", {**TRAINS, "artifacts": {"claimName": "a-output", "path": ""}}, output={}),
            True, id="the claim that was made for the other",
        ),
    ],
)  # fmt: skip
async def test_which_job_holds_the_lock(asking: DPOJob, other: DPOJob, held: bool) -> None:
    found = await holder(asking, other)
    assert (found is not None and found.name == other.name) is held


@pytest.mark.parametrize(
    "unknown",
    [{"spec": {"fieldOfTomorrow": 1}}, {"status": {"plan": {"method": "methodOfTomorrow"}}}],
    ids=repr,
)
async def test_a_job_that_this_version_cannot_parse_holds_its_directory(
    unknown: dict[str, Any],
) -> None:
    """After a rollback its pod goes on writing there."""
    fake, asking = FakeReader(), writer("b")
    index = OutputLockIndex(fake, DependentsIndex())  # type: ignore[arg-type]
    raw = wire(writer("a", TRAINS))
    for part, fields in unknown.items():
        raw[part] |= fields
    assert parse_dpojob(raw) is None
    fake.objects["a"] = raw
    index.record(raw)
    for _ in range(2):
        found = await index.find_holder(asking)
        assert found is not None and found.name == "a"


async def test_of_three_jobs_exactly_one_holds_the_lock() -> None:
    three = [writer("a", INSPECTS), writer("b"), writer("c", TRAINS)]
    held = [await holder(one, *(other for other in three if other is not one)) for one in three]
    assert [found and found.name for found in held] == ["c", "c", None]


async def test_a_job_being_deleted_is_the_holder_only_without_another() -> None:
    being_deleted = writer("a", TRAINS)
    being_deleted.metadata["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    assert await holder(writer("c"), being_deleted) == OutputHolder(
        "a", "models/tuned", being_deleted=True
    )
    assert await holder(writer("c"), being_deleted, writer("b")) == OutputHolder(
        "b", "models/tuned"
    )


async def test_deleted_and_finished_writers_are_removed() -> None:
    fake = FakeReader()
    index = OutputLockIndex(fake, DependentsIndex())  # type: ignore[arg-type]
    for name in "abc":
        index.record(wire(writer(name)))
    index.record(wire(writer("a")), deleted=True)
    index.record(wire(writer("b", ENDED)))
    assert await index.find_holder(writer("d")) is None, "c is not there any more"
    index.remove(("ns", "d"))
    assert not index._writers.groups


async def test_of_two_jobs_whose_events_are_late_the_second_to_ask_finds_the_first() -> None:
    fake = FakeReader()
    index = OutputLockIndex(fake, DependentsIndex())  # type: ignore[arg-type]
    first, second = writer("a"), writer("b")
    fake.objects = {"a": wire(first), "b": wire(second)}
    assert await index.find_holder(first) is None
    assert await index.find_holder(second) == OutputHolder("a", "models/tuned")


def test_a_job_without_the_lock_fails_before_anything_is_created() -> None:
    held = OutputHolder("first", "models/tuned")
    decision = decide_with_pools(build_snapshot(output_holder=held), POOLS, NOW)
    assert reason(decision, "Failed") == "OutputOccupied" and not decision.actions
    failed = decision.status.condition("Failed")
    assert failed is not None
    for text in ("DPOJob first", "models/tuned", "output.volume.path", "create this DPOJob again"):
        assert text in failed.message


def test_a_job_waits_for_a_lock_holder_that_is_being_deleted() -> None:
    held = OutputHolder("first", "models/tuned", being_deleted=True)
    decision = decide_with_pools(build_snapshot(output_holder=held), POOLS, NOW)
    assert decision.status.phase == "Waiting" and decision.requeue_after and not decision.actions
    later = decide_with_pools(build_snapshot(decision.status), POOLS, NOW)
    assert later.actions, "it goes on once the other is gone"


def test_a_suspended_job_does_not_check_the_lock() -> None:
    spec_fields = {"suspend": True}
    decision = decide_with_pools(
        build_snapshot(output_holder=OutputHolder("a", "m/x"), spec_fields=spec_fields), POOLS, NOW
    )
    assert decision.status.phase == "Suspended" and reason(decision, "Failed") is None


async def test_a_job_that_trains_does_not_check_the_lock_again() -> None:
    unused: Any = None
    reader = StateReader(Recorder(), ObjectStores(), Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    snapshot = await reader.read(job(training_status()))
    assert snapshot.output_holder is None


def test_training_begins_when_the_pods_of_an_earlier_job_of_that_name_have_ended() -> None:
    first = decide_with_pools(build_snapshot(), POOLS, NOW)
    waits = decide_after_inspection(first, earlier_pods=("x-train-0123-1-abcde",))
    assert waits.status.phase == "Waiting" and not waits.status.attempts and not waits.actions
    found = waits.status.condition("Training")
    assert found is not None and "x-train-0123-1-abcde" in found.message
    later = decide_after_inspection(first)
    assert later.status.attempts, "it goes on once they are gone"


@pytest.mark.parametrize(
    ("output", "uid", "phase", "waits"),
    [
        (TUNED, "another", "Running", True),
        (TUNED, "another", "Succeeded", False),
        (TUNED, UID, "Running", False),
        ({"push": "me/it"}, "another", "Running", False),
    ],
)
async def test_only_pods_that_may_write_to_the_directory_are_waited_for(
    output: dict[str, Any], uid: str, phase: str, waits: bool
) -> None:
    volume = job(None, output=output).spec.output.volume
    label = "" if volume is None else output_directory_label(volume)
    labels = {LABEL_JOB_UID: uid, LABEL_OUTPUT_DIRECTORY: label}
    pod = {"metadata": {"name": "p", "labels": labels}, "status": {"phase": phase}}
    cluster, unused = Recorder({"pods": [pod]}), cast(Any, None)
    reader = StateReader(cluster, ObjectStores(), Policy(), unused, unused, DependentsIndex())  # type: ignore[arg-type]
    claims = {"models": PVCSnapshot("models")}
    first = decide_with_pools(
        build_snapshot(spec_fields={"output": output}, claims=claims), POOLS, NOW
    )
    assert first.status.inspection is not None
    seen, report = job_snapshot(first.status.inspection.name), (finished_pod("inspect", 0, REPORT),)
    valid = build_snapshot(
        first.status, spec_fields={"output": output}, inspection=seen, inspection_pods=report
    )
    request = decide(valid, NOW)
    assert isinstance(request, PlanningRequest)
    snapshot, _, _ = await reader.read_for_planning(valid, request)
    assert snapshot.earlier_pods == (("p",) if waits else ())


@pytest.mark.cluster
def test_two_jobs_with_one_output_directory(job_namespace: JobNamespace, operator: Process) -> None:
    trains(job_namespace, "first")
    job_namespace.job("second", output=TUNED)
    found = job_namespace.until_condition("second", "Failed", "OutputOccupied")
    assert "DPOJob first" in found and "models/tuned" in found
    assert not [
        job
        for job in job_namespace.list("jobs")
        if job["metadata"]["labels"]["dpojob.dev/job"] == "second"
    ]
    job_namespace.trained("first")
    job_namespace.until_condition("first", "Complete", "Completed")


@pytest.mark.cluster
def test_a_job_waits_for_the_deletion_of_the_one_it_replaces(
    job_namespace: JobNamespace, operator: Process
) -> None:
    trains(job_namespace, "old")
    job_namespace.kubectl(
        "patch",
        "dpojob",
        "old",
        "--type=merge",
        "-p",
        '{"metadata":{"finalizers":["dpojob.dev/test"]}}',
    )
    job_namespace.kubectl("delete", "dpojob", "old", "--wait=false")
    job_namespace.job("new", output=TUNED)
    assert "DPOJob old" in job_namespace.until_condition("new", "DatasetValid", "OutputOccupied")
    job_namespace.kubectl(
        "patch", "dpojob", "old", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
    job_namespace.inspected("new")
    job_namespace.trained("new")
    job_namespace.until_condition("new", "Complete", "Completed")


@pytest.mark.cluster
def test_a_recreated_job_waits_for_the_pod_of_the_deleted_one(
    job_namespace: JobNamespace, operator: Process
) -> None:
    left = trains(job_namespace, "again")
    job_namespace.kubectl("delete", "dpojob", "again", "--cascade=orphan")
    job_namespace.job("again", output=TUNED)
    job_namespace.inspected("again")
    found = job_namespace.until_condition("again", "Training", "Starting")
    assert left["metadata"]["name"] in found
    assert job_namespace.status("again")["phase"] == "Waiting"
    job_namespace.end_pod(left, 0)
    job_namespace.until("it trains", lambda: job_namespace.status("again").get("attempts"))


def trains(job_namespace: JobNamespace, name: str) -> dict[str, Any]:
    """A job of that name that writes to the directory; gives its training pod."""
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "models"}}
    job_namespace.apply({**claim, "spec": spec})
    job_namespace.job(name, output=TUNED)
    job_namespace.inspected(name)
    return job_namespace.pod(name, "train")
