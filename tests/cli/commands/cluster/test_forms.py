"""Lists, samples, Events, pools, completion and `run` with a tenant's rights, on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.cli.command_runner import run, run_inside
from tests.kit.cli.tenant_job import RUNNING, TenantJob, make_tenant

pytestmark = pytest.mark.cluster


def test_lists_in_every_form(cluster_job: TenantJob) -> None:
    cluster_job.report(**RUNNING, display={"model": "org/model", "progress": "42%", "cost": "1.25"})
    table = run_inside("list", env=cluster_job.env)
    header, row = table.out.splitlines()
    assert header.split()[:3] == ["NAME", "PHASE", "MODEL"]
    assert row.split()[:5] == ["helpful", "Training", "org/model", "t4-medium", "42%"]
    assert (
        run_inside("list", "-o", "name", env=cluster_job.env).out == "dpojob.dpojob.dev/helpful\n"
    )
    assert [
        job["metadata"]["name"]
        for job in run_inside("list", "-o", "json", env=cluster_job.env).json
    ] == ["helpful"]
    found = yaml.safe_load(run_inside("list", "-o", "yaml", env=cluster_job.env).out)
    assert found[0]["status"]["phase"] == "Training"
    assert run_inside("list", "--phase", "failed", env=cluster_job.env).out.startswith(
        "no jobs in namespace"
    )


def test_a_list_of_all_namespaces_is_refused_to_a_tenant(cluster_job: TenantJob) -> None:
    result = run_inside("list", "-A", env=cluster_job.env)
    assert (result.code, "Error from server (Forbidden)" in result.err) == (2, True), result.err


def test_status_in_every_form(cluster_job: TenantJob) -> None:
    cluster_job.report(**RUNNING)
    assert cluster_job.run("status", "-o", "json").json["status"]["progress"]["step"] == 42
    assert (
        yaml.safe_load(cluster_job.run("status", "-o", "yaml").out)["metadata"]["name"] == "helpful"
    )
    assert cluster_job.run("status", "-o", "name").out == "dpojob.dpojob.dev/helpful\n"


def test_a_job_is_printed_as_kubectl_prints_it(cluster_job: TenantJob) -> None:
    def get() -> Any:
        return json.loads(cluster_job.kubectl("get", "dpojob", "helpful", "-o", "json"))

    cluster_job.report(**RUNNING)
    held = get()
    assert cluster_job.run("status", "-o", "json").json == held
    assert cluster_job.run("status", "--json").json == held["status"]
    assert run_inside("list", "-o", "json", env=cluster_job.env).json == [held]
    for command in ("suspend", "resume"):
        assert cluster_job.run(command, "-o", "json").json == get()
    held = get()
    assert yaml.safe_load(cluster_job.run("cancel", "--yes", "-o", "yaml").out) == held
    create = ("run", "--dataset", "my-org/pairs", "--model", "org/model", "--name", "helpful")
    assert run_inside(*create, "-o", "json", env=cluster_job.env).json == get()


def test_samples_are_shown_in_full(cluster_job: TenantJob) -> None:
    missing = cluster_job.run("samples")
    assert (missing.code, "has no samples yet" in missing.err) == (1, True)
    cluster_job.report(samples=[{"prompt": "Hi?", "before": "b" * 300, "after": "After."}])
    assert cluster_job.run("samples").out.count("b") >= 300
    assert cluster_job.run("samples", "-o", "json").json[0]["after"] == "After."


def test_events_come_in_the_order_of_time(cluster_job: TenantJob) -> None:
    uid = json.loads(cluster_job.kubectl("get", "dpojob", "helpful", "-o", "json"))["metadata"][
        "uid"
    ]
    for number, reason in enumerate(("Inspecting", "DatasetInvalid")):
        event = {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": f"e{uid[:6]}.{number}"},
            "involvedObject": {
                "apiVersion": "dpojob.dev/v1alpha1", "kind": "DPOJob", "name": "helpful", "uid": uid,
                "namespace": cluster_job.namespace,
            },
            "reason": reason, "message": "m", "type": "Warning" if number else "Normal", "count": number + 1,
            "lastTimestamp": f"2026-01-0{2 - number}T00:00:00Z",
        }  # fmt: skip
        cluster_job.kubectl("create", "-f", "-", input=json.dumps(event))
    lines = cluster_job.run("events").out.splitlines()
    assert [line.split()[2] for line in lines] == ["REASON", "DatasetInvalid", "Inspecting"]
    assert lines[1].endswith("(x2)")
    assert [e["reason"] for e in cluster_job.run("events", "-o", "json").json] == [
        "DatasetInvalid",
        "Inspecting",
    ]


@pytest.fixture
def pool(control_plane: Any) -> Iterator[str]:
    """A pool, which no job of another test may be planned on later."""
    gpu = {"model": "T4", "memoryGiB": 16}
    pool = {
        "apiVersion": "dpojob.dev/v1alpha1", "kind": "GPUPool", "metadata": {"name": "shown"},
        "spec": {"gpu": gpu, "hourlyPrice": "0.60", "modelSize": {"min": "0", "max": "1B"}},
    }  # fmt: skip
    control_plane.kubectl("apply", "-f", "-", input=json.dumps(pool))
    yield "shown"
    control_plane.kubectl("delete", "gpupool", "shown")


def test_pools_show_prices_and_need_the_viewers_role(
    cluster_job: TenantJob, control_plane: Any, tmp_path: Path, pool: str
) -> None:
    row = next(
        line for line in run_inside("pools", env=cluster_job.env).out.splitlines() if pool in line
    )
    assert row.split()[:4] == [pool, "T4", "16", "GiB"] and "0.60" in row and "0 to 1B" in row
    assert (
        f"gpupool.dpojob.dev/{pool}"
        in run_inside("pools", "-o", "name", env=cluster_job.env).out.split()
    )
    words = {"COMP_WORDS": f"dpojob run --pool {pool[:3]}", "COMP_CWORD": "3"}
    completed = run(env={**cluster_job.env, **words, "_DPOJOB_COMPLETE": "complete_bash"})
    assert completed.out.split() == [pool]
    poor = make_tenant(control_plane, tmp_path, pools=False)
    refused = run_inside("pools", env=poor.env)
    assert (refused.code, "dpojob-pool-viewer" in refused.err) == (2, True), refused.err


def test_run_creates_the_job_that_its_options_describe(cluster_job: TenantJob) -> None:
    options = (
        "--dataset",
        "my-org/pairs",
        "--from-job",
        "helpful",
        "--epochs",
        "2",
        "--lr",
        "5e-6",
    )
    created = run_inside("run", *options, "--name", "second", "-o", "json", env=cluster_job.env)
    assert created.code == 0, created.err
    assert created.json["spec"]["training"]["epochs"] == 2
    again = run_inside("run", *options, "--name", "second", env=cluster_job.env)
    assert (again.code, "--name" in again.err) == (2, True)
    cluster_job.kubectl("delete", "dpojob", "second")
