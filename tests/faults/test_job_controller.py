"""A run's end is compared when the Job controller has nothing left to write."""

from __future__ import annotations

import pytest

from dpojob_api.base import JSONObject

from .environment.job_controller import TRACKING, is_pending


def job(*true: str, **status: object) -> JSONObject:
    conditions = [{"type": type_, "status": "True"} for type_ in true]
    conditions.append({"type": "Suspended", "status": "False"})
    return {"status": {"conditions": conditions, **status}}


def pod(phase: str, *finalizers: str) -> JSONObject:
    metadata = {"name": "pod", **({"finalizers": list(finalizers)} if finalizers else {})}
    return {"metadata": metadata, "status": {"phase": phase}}


UNCOUNTED = {"uncountedTerminatedPods": {"failed": ["uid"]}}


@pytest.mark.parametrize(
    ("jobs", "pods"),
    [
        ([job()], [pod("Failed", TRACKING)]),
        ([job()], [pod("Running", TRACKING), pod("Succeeded", TRACKING)]),
        ([job(**UNCOUNTED)], [pod("Failed")]),
        ([job("FailureTarget")], [pod("Failed")]),
        ([job("SuccessCriteriaMet")], [pod("Succeeded")]),
        ([job("SuccessCriteriaMet", "Complete"), job("FailureTarget")], []),
    ],
)
def test_a_job_whose_pod_has_ended_is_waited_for(
    jobs: list[JSONObject], pods: list[JSONObject]
) -> None:
    assert is_pending(jobs, pods)


@pytest.mark.parametrize(
    ("jobs", "pods"),
    [
        ([], []),
        ([{"status": None}], []),
        ([job()], [pod("Running", TRACKING)]),
        ([job()], [pod("Pending", TRACKING)]),
        ([job("FailureTarget", "Failed", uncountedTerminatedPods={})], [pod("Failed")]),
        ([job("SuccessCriteriaMet", "Complete")], [pod("Succeeded")]),
        ([job("Suspended")], []),
    ],
)
def test_a_job_that_runs_or_has_ended_is_not(
    jobs: list[JSONObject], pods: list[JSONObject]
) -> None:
    assert not is_pending(jobs, pods)
