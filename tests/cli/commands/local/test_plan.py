"""`dpojob plan`: the mission's table with nothing but a size, pools from files, and refusals."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.cli.command_runner import run
from tests.kit.cli.local_job import ClaimDirectory, WriteManifest, job
from tests.kit.repository import ROOT

from dpojob_api.plan import Plan

MODEL = {"repo": "org/model"}
DATASET = {"repo": "org/pairs"}


def pool(name: str, gib: float, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "GPUPool",
        "metadata": {"name": name},
        "spec": {"gpu": {"model": "A100", "memoryGiB": gib}, "hourlyPrice": "4.00"},
        **more,
    }


@pytest.mark.parametrize(
    ("size", "chosen"),
    [("0.5B", "t4-small"), ("1.5B", "t4-medium"), ("3B", "a10g-large"), ("7B", "a100-large")],
)
def test_a_size_alone_is_enough_for_a_plan(manifest: WriteManifest, size: str, chosen: str) -> None:
    result = run("plan", "-f", manifest(job(MODEL, DATASET)), "--parameters", size, "--json")
    assert result.code == 0, result.err
    plan = Plan.model_validate(result.json)
    assert plan.pool == chosen
    keys = {"pool", "gpus", "nodes", "method", "precision", "perDeviceBatchSize", "reasons"}
    assert result.json.keys() >= keys | {"gradientAccumulation", "precomputeReference"}
    assert result.json["memoryGiB"].keys() >= {"needed", "available"}
    assert result.json["estimate"].keys() >= {"hours", "cost"}
    assert [c["verdict"] for c in result.json["considered"]].count("chosen") == 1


def test_hours_and_cost_need_the_number_of_rows(manifest: WriteManifest) -> None:
    path = manifest(job(MODEL, DATASET))
    without = run("plan", "-f", path, "--parameters", "1.5B")
    assert "not known without the dataset's size" in without.out
    with_rows = run("plan", "-f", path, "--parameters", "1.5B", "--rows", "12859")
    assert "1,608 steps" in with_rows.out


@pytest.mark.parametrize("columns", ["80", "200"])
def test_every_pool_is_shown_with_its_reason(manifest: WriteManifest, columns: str) -> None:
    path = manifest(job(MODEL, DATASET))
    result = run("plan", "-f", path, "--parameters", "1.5B", env={"COLUMNS": columns})
    for name in ("t4-small", "t4-medium", "a10g-small", "a10g-large", "a100-large"):
        assert name in result.out
    assert "taken only when hardware.pool names it" in " ".join(result.out.split())


def test_nothing_fits_is_exit_1_with_the_size_that_would(manifest: WriteManifest) -> None:
    result = run("plan", "-f", manifest(job(MODEL, DATASET)), "--parameters", "70B", "--json")
    assert result.code == 1
    assert result.json.keys() >= {"error", "considered"}
    assert "GiB" in result.json["error"]


@pytest.mark.parametrize(
    "shape", ["documents", "kubectl's list", "the chart's list", "values of the chart"]
)
def test_pools_come_from_a_file_in_any_of_its_forms(
    manifest: WriteManifest, tmp_path: Path, shape: str
) -> None:
    mine = [pool("mine", 80), pool("small", 2)]
    chart = [{"name": p["metadata"]["name"], "spec": p["spec"]} for p in mine]
    shapes = {
        "documents": yaml.safe_dump_all(mine),
        "kubectl's list": json.dumps({"apiVersion": "v1", "kind": "List", "items": mine}),
        "the chart's list": yaml.safe_dump(chart),
        "values of the chart": yaml.safe_dump({"currency": "EUR", "pools": chart}),
    }
    path = manifest(job(MODEL, DATASET))
    result = run(
        "plan", "-f", path, "--parameters", "1B", "--pools", "-", "--json", stdin=shapes[shape]
    )
    assert result.code == 0, result.err
    assert result.json["pool"] == "mine"
    assert {c["pool"] for c in result.json["considered"]} == {"mine", "small"}


def test_pools_beside_the_job_are_the_ones_meant(manifest: WriteManifest) -> None:
    text = job(MODEL, DATASET) + "---\n" + yaml.safe_dump(pool("mine", 80))
    result = run("plan", "-f", manifest(text), "--parameters", "1B", "--json")
    assert result.json["pool"] == "mine"


def test_a_pool_without_a_free_gpu_is_waited_for(manifest: WriteManifest) -> None:
    busy = pool("busy", 80, status={"nodes": 1, "gpus": 1, "free": 0})
    path = manifest(job(MODEL, DATASET))
    result = run(
        "plan", "-f", path, "--parameters", "1B", "--pools", "-", stdin=yaml.safe_dump(busy)
    )
    assert "the job would wait" in result.out


def test_the_model_and_dataset_are_inspected_without_parameters(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    path = manifest(job(claim.model, claim.dataset))
    result = run("plan", "-f", path, "--volume", claim.option, "--json")
    assert result.code == 0, result.err
    assert result.json["estimate"]["steps"] > 0


def test_without_its_dataset_a_job_is_planned_all_the_same(
    claim: ClaimDirectory, manifest: WriteManifest
) -> None:
    dataset = {"volume": {"claimName": "data", "path": "none.jsonl"}}
    path = manifest(job(claim.model, dataset))
    result = run("plan", "-f", path, "--volume", claim.option, "--json")
    assert result.code == 0
    assert "planned without the dataset" in result.err
    assert result.json["estimate"]["steps"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--parameters", "big"], "write it like 500M, 1.5B or 7B"),
        (["--parameters", "0"], "at least one parameter"),
        (["--rows", "5"], "--rows goes with --parameters"),
        (["--parameters", "1B", "--pools", "/no/such"], "no such file"),
    ],
)
def test_a_wrong_option_is_exit_2_with_the_remedy(
    manifest: WriteManifest, options: list[str], message: str
) -> None:
    result = run("plan", "-f", manifest(job(MODEL, DATASET)), *options)
    assert result.code == 2
    assert message in result.err


def test_the_copy_of_the_charts_pools_is_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "hack/generators/default_pools.py", "--check"], check=False
    )
    assert done.returncode == 0
