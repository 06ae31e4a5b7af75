"""Which pods of deleted jobs are waited for before a job trains into its output directory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.kit.builders import UID, job

from dpojob_operator.indexes import pods_that_may_write

TUNED = {"volume": {"claimName": "models", "path": "tuned"}}


def training_pod(phase: str = "Running", manifest: str | None = None, **labels: str) -> Any:
    metadata: dict[str, Any] = {
        "name": "p", "labels": {f"dpojob.dev/{name}": value for name, value in labels.items()},
    }  # fmt: skip
    if manifest is not None:
        metadata["annotations"] = {"dpojob.dev/manifest.json": manifest}
    return {"metadata": metadata, "status": {"phase": phase}}


def writes_to(output: dict[str, Any]) -> str:
    return json.dumps({"spec": {"output": output}})


SAME = {"volume": {"claimName": "models", "path": "./tuned/"}}
OTHER = {"volume": {"claimName": "models", "path": "another"}}


@pytest.mark.parametrize(
    ("pod", "waits"),
    [
        (training_pod("Running", job="x", uid="another"), True),
        (training_pod("Pending", job="x", uid="another"), True),
        (training_pod("Succeeded", job="x", uid="another"), False),
        (training_pod("Running", job="x", uid=UID), False),
        (training_pod("Running", writes_to(SAME), job="x", uid=UID), False),
        (training_pod("Running", writes_to(SAME), job="deleted", uid="another"), True),
        (training_pod("Failed", writes_to(SAME), job="deleted", uid="another"), False),
        (training_pod("Running", writes_to(OTHER), job="deleted", uid="another"), False),
        (training_pod("Running", writes_to(OTHER), job="x", uid="another"), False),
        (training_pod("Running", writes_to({"push": "me/it"}), job="x", uid="another"), False),
        (training_pod("Running", "[]", job="deleted", uid="another"), False),
        (training_pod("Running", "no JSON", job="x", uid="another"), True),
    ],
)
def test_a_pod_with_the_same_directory_in_its_manifest_is_waited_for(pod: Any, waits: bool) -> None:
    assert pods_that_may_write(job(output=TUNED), [pod]) == (("p",) if waits else ())
