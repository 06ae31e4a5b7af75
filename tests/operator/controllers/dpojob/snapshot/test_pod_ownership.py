"""Which pods count as a Job's, when a user creates pods that look like them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dpojob_operator.controllers.dpojob.pod_ownership import pods_of_job
from dpojob_operator.decide.object_snapshots import JobSnapshot

JOB = JobSnapshot(name="x-train", uid="job-uid")
GANG = JobSnapshot(name="x-train", uid="job-uid", completions=2)


def pod(name: str, second: int, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    """A pod as the Job controller creates it; `metadata` replaces fields, None removes one."""
    fields: dict[str, Any] = {
        "name": name,
        "uid": f"uid-of-{name}",
        "creationTimestamp": f"2026-11-23T12:00:{second:02}Z",
        "labels": {"batch.kubernetes.io/controller-uid": "job-uid"},
        "finalizers": ["batch.kubernetes.io/job-tracking"],
        "ownerReferences": [
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "name": "x-train",
                "uid": "job-uid",
                "controller": True,
            }
        ],
        **metadata,
    }
    return {
        "metadata": {name: value for name, value in fields.items() if value is not None},
        "status": {"phase": phase},
    }


def owned_by(**changes: Any) -> list[dict[str, Any]]:
    reference = pod("p", 0)["metadata"]["ownerReferences"][0]
    return [{**reference, **changes}]


def index(number: str) -> dict[str, Any]:
    return {"annotations": {"batch.kubernetes.io/job-completion-index": number}}


def names(job: JobSnapshot, *listed: dict[str, Any]) -> list[str]:
    return [pod.name for pod in pods_of_job(job, listed)]


@pytest.mark.parametrize(
    "metadata",
    [
        {"ownerReferences": None},
        {"ownerReferences": owned_by(uid="another")},
        {"ownerReferences": owned_by(name="another")},
        {"ownerReferences": owned_by(controller=False)},
        {"ownerReferences": owned_by(kind="ReplicaSet", apiVersion="apps/v1")},
        {"labels": {}},
        {"labels": {"batch.kubernetes.io/controller-uid": "another"}},
        {"finalizers": None},
        index("1"),
        index("-1"),
        index("\u0663"),
        index("9" * 5000),
        index("first"),
    ],
    ids=repr,
)
def test_a_pod_that_the_job_controller_would_not_count_is_none_of_the_job(
    metadata: dict[str, Any],
) -> None:
    assert names(JOB, pod("a-forged", 0, **metadata), pod("real", 5)) == ["real"]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        # A forged pod carries everything that the real one does, and comes later.
        ((pod("a-forged", 5), pod("real", 1)), ["real"]),
        ((pod("real", 1), pod("z-forged", 5)), ["real"]),
        ((pod("real", 1), pod("forged", 5, deletionTimestamp="t")), ["real"]),
        ((pod("real", 1, deletionTimestamp="t"), pod("forged", 5)), ["real"]),
        ((pod("real", 1, "Pending"), pod("forged", 5)), ["real"]),
        ((pod("real", 1, "Succeeded"), pod("forged", 5, "Succeeded")), ["real"]),
        # Failed pods are replaced: all of them ran, and one runs now.
        (
            (pod("first", 1, "Failed"), pod("second", 3, "Failed"), pod("third", 5)),
            ["first", "second", "third"],
        ),
        # The tracking finalizer goes when the Job controller has counted a pod.
        ((pod("counted", 1, "Succeeded", finalizers=None),), ["counted"]),
        ((pod("stopping", 1, finalizers=None, deletionTimestamp="t"),), ["stopping"]),
    ],
)
def test_of_pods_that_cannot_both_be_real_the_oldest_counts(
    listed: tuple[dict[str, Any], ...], expected: list[str]
) -> None:
    assert names(JOB, *listed) == expected


def test_a_pod_that_runs_on_counts_while_its_job_is_being_deleted() -> None:
    """Between the removal of its finalizer and its deletion; else its GPU time counts twice."""
    listed = (pod("running", 1, finalizers=None), pod("forged", 5, finalizers=None))
    assert names(replace(JOB, deleting=True), *listed) == ["running"]


def test_each_index_of_an_indexed_job_has_its_pod() -> None:
    listed = (
        pod("p-0", 1, **index("0")),
        pod("p-1", 2, **index("1")),
        pod("forged", 3, **index("1")),
        pod("beyond", 1, **index("2")),
    )
    assert names(GANG, *listed) == ["p-0", "p-1"]


def test_a_pod_that_counted_before_still_does_once_its_finalizer_is_removed() -> None:
    """The Job controller removes it from a running pod before it deletes the pod: its time would be counted twice."""
    listed = [pod("counted", 1, finalizers=None), pod("forged", 2, finalizers=None)]
    kept = pods_of_job(JOB, listed, counted={"uid-of-counted"})
    assert [pod.name for pod in kept] == ["counted"]
