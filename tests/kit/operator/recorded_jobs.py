"""Statuses in every phase as the first version of the operator wrote them (commit 344ff70), with their children.

`first_release.json` was written by that version's `decide` from the snapshots of its own tests: the DPOJob `x`
with the UID of `tests.kit.builders` on the pool `t4`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.kit.builders import RUNNING, build_snapshot, finished_pod, job_snapshot, training
from tests.kit.operator_fixture import REPORT, failed, succeeded

from dpojob_api.crd import dpojob_crd
from dpojob_api.job import DPOJobStatus
from dpojob_operator.decide import DependencySnapshot, Snapshot


@dataclass(frozen=True)
class Recorded:
    """A DPOJob as it was left to the next version."""

    spec: dict[str, Any]
    status: dict[str, Any]
    children: dict[str, str]
    """The state of the Job and its pod in the stages `inspection` and `training`."""

    @property
    def is_finished(self) -> bool:
        return any(condition["type"] == "Finished" for condition in self.status["conditions"])

    def snapshot(self, status: dict[str, Any] | None = None) -> Snapshot:
        """What this version reads of it, with another status in its place."""
        status = self.status if status is None else status
        facts: dict[str, Any] = {}
        if "inspection" in self.children:
            facts["inspection"] = job_snapshot(self.status["inspection"]["name"])
        if self.children.get("inspection") == "ended":
            facts["inspection_pods"] = (finished_pod("inspect", 0, REPORT),)
        state = self.children.get("training")
        if state is not None:
            ends = {"complete": {"complete": True}, "failed": {"failed": True}}.get(state, {})
            facts["training"] = training(DPOJobStatus.model_validate(self.status), **ends)
            facts["training_pods"] = {
                "running": (RUNNING,),
                "complete": (finished_pod("train", 0, succeeded()),),
                "failed": (finished_pod("train", 11, failed("OutOfMemory", "No room.")),),
            }.get(state, ())
        if "model" in self.spec:
            facts["dependency"] = DependencySnapshot()
        return build_snapshot(status, spec_fields=self.spec, **facts)


RECORDED = {
    name: Recorded(**fields)
    for name, fields in json.loads(
        Path(__file__).with_name("first_release.json").read_text()
    ).items()
}
"""The recorded jobs by phase."""
PHASES = pytest.mark.parametrize("recorded", RECORDED.values(), ids=RECORDED)
"""Runs a test on each of them."""


def status_schema() -> dict[str, Any]:
    (version,) = dpojob_crd()["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    return schema
