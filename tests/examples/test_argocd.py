"""Argo CD's health checks and actions, run by Lua: the cases beside them, and every reason of a condition."""

from __future__ import annotations

import subprocess
import sys
from typing import Any, get_args

import pytest
import yaml
from tests.kit.builders import NOW, POOLS, build_snapshot
from tests.kit.examples import lua
from tests.kit.operator_fixture import dpojob
from tests.kit.repository import ROOT

from dpojob_api.conditions import ConditionType, Reason
from dpojob_api.constants import Phase
from dpojob_api.job import DPOJobStatus
from dpojob_api.status_condition import Condition
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.summary import summarise

FOLDER = ROOT / "examples/argocd/dpojob.dev"
JOB = FOLDER / "DPOJob"


@pytest.mark.parametrize("kind", ["DPOJob", "GPUPool", "CostQuota"])
def test_the_health_cases_hold(kind: str) -> None:
    folder = FOLDER / kind
    cases = lua.load(folder / "health_test.yaml")["tests"]
    objects = [lua.load(folder / case["inputPath"]) for case in cases]
    assert lua.run(folder / "health.lua", objects) == [case["healthStatus"] for case in cases]


def test_the_cases_hold_every_phase() -> None:
    objects = [lua.load(path) for path in (JOB / "testdata").iterdir()]
    phases = {thing.get("status", {}).get("phase", "Pending") for thing in objects}
    assert phases == set(get_args(Phase))


def test_every_reason_gives_the_health_of_its_condition() -> None:
    cases: list[tuple[str, str, Reason, str]] = [
        (type_, status, reason, health)
        for reason in Reason
        for type_, status, health in [
            ("DatasetValid", "Unknown", "Progressing"),
            ("Planned", "False", "Progressing"),
            ("Complete", "True", "Healthy"),
            ("Failed", "True", "Degraded"),
        ]
    ]
    cases += [
        ("Suspended", "True", Reason.SUSPENDED_BY_USER, "Suspended"),
        ("Suspended", "True", Reason.SUSPENDED_BY_QUEUE, "Progressing"),
    ]
    found = lua.run(JOB / "health.lua", [job_with(*case[:3]) for case in cases])
    for (type_, _, reason, health), shown in zip(cases, found, strict=True):
        assert shown["status"] == health, (type_, reason)
        expected = f"{reason}: Pending. m." if health == "Progressing" else "m."
        assert shown["message"].startswith(expected), (type_, reason)


def job_with(type_: str, status: str, reason: Reason) -> dict[str, Any]:
    """A DPOJob as the operator writes it that has this condition."""
    condition = Condition(
        type=type_, status=status, reason=reason, message="m.", observed_generation=1,
        last_transition_time=NOW,
    )  # fmt: skip
    before = [Condition(type=ConditionType.DATASET_VALID, status="True", reason=Reason.VALID)] * (
        type_ == ConditionType.PLANNED
    )
    written = DPOJobStatus(phase="Pending", conditions=[*before, condition])
    builder = StatusBuilder(build_snapshot(written), POOLS, NOW)
    summarise(builder)
    job = dpojob("x")
    job["metadata"]["generation"] = 1
    return {**job, "status": builder.status.wire()}


def test_the_actions_do_what_their_cases_say() -> None:
    tests = lua.load(JOB / "actions/action_test.yaml")

    def given(case: dict[str, Any], path: str = "inputPath") -> dict[str, Any]:
        return lua.load(JOB / "actions" / case[path])

    cases = tests["discoveryTests"]
    found = lua.run(JOB / "actions/discovery.lua", [given(case) for case in cases])
    for case, offered in zip(cases, found, strict=True):
        expected = {action["name"]: {"disabled": action["disabled"]} for action in case["result"]}
        assert offered == expected
    for case in tests["actionTests"]:
        script = JOB / "actions" / case["action"] / "action.lua"
        (changed,) = lua.run(script, [given(case)])
        assert changed == given(case, "expectedOutputPath")


def test_the_patch_of_argocd_cm_holds_the_files() -> None:
    subprocess.run([sys.executable, str(ROOT / "hack/generators/argocd.py"), "--check"], check=True)
    data = lua.load(ROOT / "examples/argocd/argocd-cm-patch.yaml")["data"]
    prefix = "resource.customizations"
    for kind in ("DPOJob", "GPUPool", "CostQuota"):
        health = (FOLDER / kind / "health.lua").read_text()
        assert data[f"{prefix}.health.dpojob.dev_{kind}"] == health
    actions = yaml.safe_load(data[f"{prefix}.actions.dpojob.dev_DPOJob"])
    assert {action["name"] for action in actions["definitions"]} == {"suspend", "resume"}
    assert actions["discovery.lua"] == (JOB / "actions/discovery.lua").read_text()
