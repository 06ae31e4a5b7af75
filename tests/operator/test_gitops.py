"""The folder examples/gitops, applied in every order."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
import yaml
from tests.kit.operator_fixture import REPORT, JobNamespace, Process
from tests.kit.repository import ROOT

pytestmark = pytest.mark.cluster
FOLDER = ROOT / "examples/gitops"
FILES = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]


@pytest.fixture
def settings() -> dict[str, str]:
    """An operator that waits as long as a busy machine needs for the next step, and looks often."""
    return {"MISSING_GRACE_SECONDS": "600", "RESYNC_SECONDS": "2"}


class Copy:
    """The objects of the folder under names of one order's own."""

    def __init__(self, job_namespace: JobNamespace, suffix: str) -> None:
        self.job_namespace, self.suffix = job_namespace, suffix
        self.applied: set[str] = set()

    def name(self, of: str) -> str:
        return f"gitops-{of}-{self.suffix}"

    def manifest(self, file: str) -> dict[str, Any]:
        text = (FOLDER / file).read_text()
        for name in ("gitops-t4", "gitops-data", "gitops-first", "gitops-second"):
            text = text.replace(name, f"{name}-{self.suffix}")
        self.applied.add(file)
        manifest = dict(yaml.safe_load(text))
        manifest["metadata"]["labels"] = {"test": self.job_namespace.namespace}
        return manifest

    def seen(self) -> bool:
        """The operator has looked at every job that was applied."""
        return all(
            (self.job_namespace.status(self.name(file.removesuffix(".yaml")))).get("conditions")
            for file in self.applied & {"first.yaml", "second.yaml"}
        )

    def can_start(self) -> bool:
        return {"claim.yaml", "first.yaml"} <= self.applied

    def converged(self) -> bool:
        planned = self.job_namespace.condition(self.name("first"), "Planned")
        plan = self.job_namespace.status(self.name("first")).get("plan") or {}
        waits = self.job_namespace.condition(self.name("second"), "DatasetValid")
        return (
            planned[0] == "True"
            and plan["pool"] == f"gitops-t4-{self.suffix}"
            and waits[1] == "WaitingForJob"
        )


def test_every_order_converges(job_namespace: JobNamespace, operator: Process) -> None:
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*FILES, "kustomization.yaml"}
    orders = list(permutations(FILES))
    copies = [Copy(job_namespace, f"{number:02}") for number in range(len(orders))]
    for step in range(len(FILES)):
        job_namespace.apply(
            *(copy.manifest(order[step]) for copy, order in zip(copies, orders, strict=True))
        )
        job_namespace.until(
            f"the operator has seen step {step}", lambda: all(copy.seen() for copy in copies)
        )
        # Where claim and job exist the inspection ends now, before there is a pool in some orders.
        end_inspections(job_namespace, {copy.name("first") for copy in copies if copy.can_start()})
    job_namespace.until("every order converged", lambda: all(copy.converged() for copy in copies))


def end_inspections(job_namespace: JobNamespace, jobs: set[str]) -> None:
    """Ends the inspection pods of these jobs at once, as soon as all run."""

    def started() -> bool:
        pods = job_namespace.list("pods", stage="inspect")
        running = [pod for pod in pods if pod["status"].get("phase") in ("Running", "Succeeded")]
        return {pod["metadata"]["labels"]["dpojob.dev/job"] for pod in running} == jobs

    job_namespace.until("every inspection runs", started)
    if jobs:
        job_namespace.kubectl(
            "annotate", "--overwrite", "pods", "-l", "dpojob.dev/stage=inspect",
            "kwok.dpojob.dev/exit-code=0", f"kwok.dpojob.dev/message={json.dumps(REPORT)}",
        )  # fmt: skip
