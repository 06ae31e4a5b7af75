"""Which pods of deleted jobs are waited for before a job trains into its output directory."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.builders import UID, job

from dpojob_operator.indexes import pods_that_may_write


def training_pod(phase: str, uid: str) -> Any:
    return {
        "metadata": {"name": "p", "labels": {"dpojob.dev/uid": uid}},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("pod", "waits"),
    [
        (training_pod("Running", "another"), True),
        (training_pod("Pending", "another"), True),
        (training_pod("Succeeded", "another"), False),
        (training_pod("Failed", "another"), False),
        (training_pod("Running", UID), False),
    ],
)
def test_a_pod_of_another_job_is_waited_for_until_it_ends(pod: Any, waits: bool) -> None:
    output = {"volume": {"claimName": "models", "path": "tuned"}}
    assert pods_that_may_write(job(output=output), [pod]) == (("p",) if waits else ())
